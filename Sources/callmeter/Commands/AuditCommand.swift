// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Domain

/// `callmeter audit`: the log of what was done to secrets and settings.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "List the audit log, and check that it is as it was written.",
        subcommands: [List.self, Verify.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List entries, oldest first.")

        @OptionGroup var place: Place
        @Option(help: "Begin after this entry.") var after: Int64 = 0
        @Option(help: "At most so many entries.") var limit = 500

        mutating func run() async throws {
            guard after >= 0, limit > 0 else {
                throw CommandFailure.usage("--after is 0 or more, --limit 1 or more")
            }
            let entries = try await place.withAudit { keeper in
                var entries: [AuditRecord] = []
                while entries.count < limit {
                    let some = try await keeper.audit(after: entries.last?.sequence ?? after)
                    if some.isEmpty { break }
                    entries += some.prefix(limit - entries.count)
                }
                return entries
            }
            try place.print(entries) { entries in
                var table = Table(["entry", "time", "who", "action", "subject", "details"], right: [0])
                for one in entries {
                    table.add([String(one.sequence), one.at, one.who, one.action, one.subject, one.details])
                }
                return table.lines(.current())
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Walk the whole log and check its chain; exit code 1 if an entry was changed or is missing.",
            discussion: """
                Each entry's hash covers the entry and the hash before it, so no entry can be changed or taken out alone. Somebody \
                who can write the database file could compute the whole chain anew, or cut off its end with all traces of it: note \
                the head that this command prints (and 'backup' does) in another place, and give it later with --head.
                """)

        @OptionGroup var place: Place
        @Option(help: ArgumentHelp("A head that was noted earlier; it must still be in the chain.", valueName: "hash"))
        var head: String?

        mutating func run() async throws {
            let noted = try head.map { text in
                guard let hash = AuditChain.hash(text) else {
                    throw CommandFailure.usage("--head is a hash of 64 hexadecimal digits")
                }
                return hash
            }
            let check = try await place.withAudit { try await $0.verifyAudit(head: noted) }
            try place.print(check) { check in
                var lines = [
                    check.problem.map { "NOT INTACT: \($0)" } ?? "intact: \(check.entries) entries, head \(check.head)"
                ]
                if let place = check.notedAt { lines.append("the head noted earlier is that of entry \(place)") }
                if check.intact, noted == nil {
                    lines.append(
                        "Whoever can write the database could compute the chain anew: note the head elsewhere, and check with "
                            + "--head.")
                }
                return lines
            }
            if !check.intact { throw CommandFailure(.endpointsFailed) }
        }
    }
}

extension Place {
    /// Like `withKeys`, for what needs no key: it works without the master key as well.
    fileprivate func withAudit<Result>(_ body: (any KeyKeeper) async throws -> Result) async throws -> Result {
        if server != nil { return try await withKeys(.shared, body) }
        Logs.quiet()
        let workplace = try LocalWorkplace(withoutKeys: folder)
        let result: Result
        do {
            result = try await body(workplace)
        } catch {
            try? await workplace.close()
            throw error
        }
        try await workplace.close()
        return result
    }
}
