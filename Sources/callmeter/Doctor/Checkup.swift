// SPDX-License-Identifier: Apache-2.0

/// One thing that the doctor looked at.
struct Check: Hashable, Encodable {
    /// How it stands.
    enum State: String, Hashable, Encodable {
        /// It is as it should be.
        case good
        /// The test will run, but something may be read wrongly.
        case caution
        /// The test will fail or its figures will be worth nothing.
        case bad
        /// The target gave no answer.
        case unreachable
    }

    /// `this machine`, or the name of a registrar.
    var place: String
    /// What was looked at.
    var name: String
    var state: State
    /// What was found, with the figures.
    var found: String
    /// A command or a sentence that mends it.
    var mend: String?

    init(_ place: String, _ name: String, _ state: State, _ found: String, mend: String? = nil) {
        self.place = place
        self.name = name
        self.state = state
        self.found = found
        self.mend = mend
    }
}

/// All that the doctor found.
struct Checkup: Encodable {
    var ready: Bool { status == .allWell }
    var checks: [Check] = []

    /// How the command ends.
    var status: ExitStatus {
        if checks.contains(where: { $0.state == .unreachable }) { return .unreachable }
        return checks.contains { $0.state == .bad } ? .endpointsFailed : .allWell
    }

    private enum Keys: String, CodingKey {
        case ready, checks
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Keys.self)
        try values.encode(ready, forKey: .ready)
        try values.encode(checks, forKey: .checks)
    }

    /// The lines to print; what mends it stands at the end, ready to copy.
    func lines(_ terminal: Terminal) -> [String] {
        var lines: [String] = []
        var place = ""
        let width = checks.map(\.name.count).max() ?? 0
        for check in checks {
            if check.place != place {
                if !lines.isEmpty { lines.append("") }
                lines.append(terminal.styled(check.place, .bold))
                place = check.place
            }
            lines += terminal.wrapped(
                "  \(Self.mark(check.state))  \(check.name.padding(to: width))  \(check.found)", indent: width + 7
            )
            .enumerated().map { $0.offset == 0 ? Self.coloured($0.element, check.state, terminal) : $0.element }
        }
        let mending = checks.compactMap { check in check.mend.map { (check, $0) } }
        if !mending.isEmpty {
            lines += ["", ready ? "Better:" : "To mend it:"]
            for (check, mend) in mending { lines += terminal.wrapped("  \(check.name): \(mend)", indent: 4) }
        }
        lines += ["", ready ? terminal.styled("READY", .green) : terminal.styled("NOT READY", .red)]
        return lines.map(terminal.fit)
    }

    private static func mark(_ state: Check.State) -> String {
        switch state {
        case .good: "✓"
        case .caution: "!"
        case .bad, .unreachable: "✗"
        }
    }

    private static func coloured(_ line: String, _ state: Check.State, _ terminal: Terminal) -> String {
        let style: Terminal.Style =
            switch state {
            case .good: .green
            case .caution: .yellow
            case .bad, .unreachable: .red
            }
        return "  " + terminal.styled(String(line.dropFirst(2).prefix(1)), style) + String(line.dropFirst(3))
    }
}
