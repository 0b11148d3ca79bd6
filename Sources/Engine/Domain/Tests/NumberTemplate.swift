// SPDX-License-Identifier: Apache-2.0

/// A text with places for the endpoint's number in its group, which counts from 1: `sip:9{n:4}@pbx` gives `sip:90001@pbx` to the
/// first endpoint; `{n}` writes the number as it is, `{n:4}` pads it with zeros to four digits (F7).
public enum NumberTemplate {
    /// Longer numbers than this are no number that anybody dials.
    private static let widest = 15

    /// The text for one endpoint; a text without templates is itself.
    ///
    /// - Parameter number: the endpoint's number in its group, from 1.
    public static func expand(_ text: String, number: Int) -> String {
        guard text.utf8.contains(0x7B) else { return text }
        var result = ""
        for part in parts(of: text) {
            switch part {
            case .text(let text): result += text
            case .number(let width):
                let digits = String(number)
                result += String(repeating: "0", count: max(0, width - digits.count)) + digits
            case .bad(let text): result += text
            }
        }
        return result
    }

    /// The first place between braces that is no template; nil when all are.
    static func mistake(in text: String) -> String? {
        for case .bad(let text) in parts(of: text) { return text }
        return nil
    }

    private enum Part {
        case text(String)
        case number(width: Int)
        case bad(String)
    }

    private static func parts(of text: String) -> [Part] {
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            parts.append(.text(String(rest[..<open])))
            guard rest[open] == "{", let close = rest[open...].firstIndex(of: "}") else {
                parts.append(.bad(String(rest[open...])))
                return parts
            }
            parts.append(part(rest[rest.index(after: open)..<close]) ?? .bad(String(rest[open...close])))
            rest = rest[rest.index(after: close)...]
        }
        parts.append(.text(String(rest)))
        return parts
    }

    private static func part(_ inner: Substring) -> Part? {
        if inner == "n" { return .number(width: 0) }
        guard inner.hasPrefix("n:"), let width = Int(inner.dropFirst(2)), (1...widest).contains(width),
            inner.dropFirst(2).first != "+"
        else { return nil }
        return .number(width: width)
    }
}
