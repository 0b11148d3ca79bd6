// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How far a list of accounts was read.
struct ListStep: Sendable {
    /// Bytes that were read.
    var bytes: Int
    /// Accounts that are stored; nil where only a server knows.
    var accounts: Int?
}

/// Shows on a terminal how far a list was read, ten times a second at most.
final class ListProgress: Sendable {
    private let line: ProgressLine
    private let size: Int?
    private let shown = Mutex<ContinuousClock.Instant?>(nil)

    /// - Parameter size: how many bytes the whole list has, where that is known.
    init(_ terminal: Terminal, size: Int?) {
        line = ProgressLine(terminal)
        self.size = size
    }

    /// Shows a step, or leaves it out where one was shown just now.
    func show(_ step: ListStep) {
        let now = ContinuousClock.now
        let isDue = shown.withLock { last in
            if let last, now < last + .milliseconds(100) { return false }
            last = now
            return true
        }
        if isDue { line.show(Self.text(step, size: size)) }
    }

    /// Takes the line away.
    func clear() { line.clear() }

    static func text(_ step: ListStep, size: Int?) -> String {
        var text = "\(Double(step.bytes / 100_000) / 10) MB read"
        if let size, size > 0 { text += " (\(min(100, step.bytes * 100 / size)) %)" }
        if let accounts = step.accounts { text += ", \(accounts) accounts stored" }
        return text
    }
}
