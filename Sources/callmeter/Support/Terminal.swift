// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Standard output and standard error: what is a terminal, and whether colour is wanted.
struct Terminal: Sendable {
    /// Colours that carry meaning only beside a word that says the same.
    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    /// Whether standard output takes escape sequences.
    var colour: Bool
    /// Whether standard error is a terminal, so that a line may be rewritten in place.
    var progress: Bool
    /// How many columns a line has.
    var width: Int
    /// Whether characters beyond ASCII are shown.
    var symbols = true

    /// What this process has. `NO_COLOR` (no-color.org) switches colour off when it is set and not empty.
    static func current() -> Terminal {
        let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
        var size = winsize()
        let known = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return Terminal(
            colour: !refused && !dumb && isatty(STDOUT_FILENO) == 1, progress: !dumb && isatty(STDERR_FILENO) == 1,
            width: known ? Int(size.ws_col) : 80, symbols: Self.showsSymbols)
    }

    /// A locale that says another encoding than UTF-8 is believed; where none says anything, as in most containers, UTF-8 is usual.
    private static var showsSymbols: Bool {
        for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
            guard let value = getenv(name), value.pointee != 0 else { continue }
            let text = String(cString: value).lowercased()
            return text.contains("utf-8") || text.contains("utf8")
        }
        return true
    }

    /// The line in ASCII where nothing else is shown.
    func fit(_ line: String) -> String {
        guard !symbols else { return line }
        let spellings: [Character: String] = [
            "✓": "ok", "✗": "NO", "–": "-", "×": "x", "→": ">", "←": "<", "·": "-", "’": "'", "─": "-", "│": "|",
        ]
        return String(line.flatMap { $0.isASCII ? String($0) : spellings[$0] ?? "?" })
    }

    /// Neither colour nor progress.
    static let plain = Terminal(colour: false, progress: false, width: 100)

    /// The text in lines of at most 110 columns, or the terminal's own width, broken between words; further lines indented.
    func wrapped(_ text: String, indent: Int) -> [String] {
        let limit = max(40, min(width, 110))
        var lines: [String] = []
        var line = ""
        var isFirstWord = true
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if !isFirstWord, line.count + 1 + word.count > limit {
                lines.append(line)
                line = String(repeating: " ", count: indent) + word
            } else {
                line += (isFirstWord ? "" : " ") + word
            }
            isFirstWord = false
        }
        return lines + [line]
    }

    /// The text in a style, or as it is where there is no colour.
    func styled(_ text: String, _ style: Style) -> String {
        colour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }
}

/// Whole writes to the two output streams. Errors of a closed pipe end the process quietly by SIGPIPE.
enum Output {
    /// Writes a text and a line end to standard output.
    static func line(_ text: String = "") { write(text + "\n", to: STDOUT_FILENO) }

    /// Writes a text and a line end to standard error.
    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}

/// One line on standard error that is rewritten while something goes on; silent where that is no terminal.
final class ProgressLine: Sendable {
    private let terminal: Terminal
    private let shown = Mutex(false)

    init(_ terminal: Terminal) { self.terminal = terminal }

    /// Replaces the line.
    func show(_ text: String) {
        guard terminal.progress else { return }
        shown.withLock { $0 = true }
        Output.write("\r\u{1B}[2K" + String(text.prefix(max(20, terminal.width - 1))), to: STDERR_FILENO)
    }

    /// Takes the line away, before anything else is printed.
    func clear() {
        guard
            shown.withLock({ shown in
                defer { shown = false }; return shown
            })
        else { return }
        Output.write("\r\u{1B}[2K", to: STDERR_FILENO)
    }
}
