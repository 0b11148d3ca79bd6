// SPDX-License-Identifier: Apache-2.0

import API
import Domain
import Foundation
import HTTPTypes
import Testing

/// Requirements C1 to C5: how many accounts a test needs, as saving, checking and starting it say.
@Suite(.timeLimit(.minutes(3))) struct DemandRequirements {
    /// The document's table: what is tested, its groups, the accounts it needs.
    static let examples: [(what: String, groups: [String], accounts: Int)] = [
        (
            "1 caller, 1 callee",
            [Lab.group("a", 1, callee: #"{"group":"b"}"#), Lab.group("b", 1, callee: #""receive""#)], 2
        ),
        ("10 calls at once inside a group", [Lab.group("a", 20, callee: #""intra""#)], 20),
        ("50 endpoints that call an external URI", [Lab.group("a", 50, callee: #"{"uri":"sip:echo@127.0.0.1"}"#)], 50),
        ("100 endpoints in two groups", [Lab.group("a", 60), Lab.group("b", 40)], 100),
        (
            // The document calls them 200 calls; by its own rule they are 200 endpoints, and endpoints decide.
            "100 of group A call 100 of group B",
            [Lab.group("a", 100, callee: #"{"group":"b"}"#), Lab.group("b", 100, callee: #""receive""#)], 200
        ),
    ]

    @Test(arguments: 0..<examples.count)
    func `C1 C2 every endpoint needs one account, calling or answering, and an external URI none`(
        number: Int
    ) async throws {
        let (what, groups, accounts) = Self.examples[number]
        try await Lab.open { lab in
            _ = try await lab.bulk((1..<accounts).map { "u\($0):p\n" }.joined())
            let test = try await lab.save("Example", groups)
            let short = try await lab.check(test)
            #expect(short.registrars.map(\.needed) == [accounts], "\(what)")
            #expect(short.registrars.map(\.missing) == [1], "\(what)")
            #expect(!short.ready)
            _ = try await lab.bulk("one-more:p\n")
            let enough = try await lab.check(test)
            #expect(enough.registrars.map(\.missing) == [0], "\(what)")
            // Nobody plays endpoints in this laboratory, so that is all that is left to say.
            #expect(enough.problems.allSatisfy { $0.contains("workers have room") }, "\(enough.problems)")
            let run = try await lab.start(test)
            #expect(run.endpointCount == accounts && run.status == "CANNOT_RUN_FOR_NOW", "\(what)")
        }
    }

    @Test func `C3 groups on one registrar add up, groups on different ones are counted apart`() async throws {
        try await Lab.open { lab in
            let other = try await lab.secondRegistrar("sbc")
            _ = try await lab.bulk("a:1\nb:2\nc:3\n")
            _ = try await lab.bulk("a:1\n", into: other)
            let test = try await lab.save(
                "Three groups", [Lab.group("x", 2), Lab.group("y", 2, at: "sbc"), Lab.group("z", 2)])
            let report = try await lab.check(test)
            #expect(
                report.registrars == [
                    RegistrarCheck(registrar: "pbx", needed: 4, total: 3, inUse: 0, free: 3, missing: 1),
                    RegistrarCheck(registrar: "sbc", needed: 2, total: 1, inUse: 0, free: 1, missing: 1),
                ])
            // What one registrar has too many does not help the other.
            _ = try await lab.bulk("d:1\ne:1\nf:1\n")
            #expect(try await lab.check(test).registrars.map(\.missing) == [0, 1])
            let run = try await lab.start(test)
            #expect(run.failureCode == "insufficient_sip_accounts")
            #expect(run.failure?.contains("registrar sbc needs 2, has 1, missing 1") == true)
            #expect(run.failure?.contains("pbx") == false)
        }
    }

    @Test
    func `C4 a shortage is a warning with its numbers on saving, on looking and before a run, and forbids nothing`()
        async throws
    {
        try await withWire([PBXSubscriber("u1", "p"), PBXSubscriber("u2", "p")]) { lab, _ in
            _ = try await lab.bulk("u1:p\nu2:p\nu3:p\n")
            let holder = try await lab.start(try await lab.save("Holder", [Lab.group("g", 2)], duration: "1h"))
            let saved = try await lab.save("Short", [Lab.group("g", 5)])
            let changed = try await lab.caller.send(
                .patch, "/api/v1/tests/\(saved.id)",
                #"{"name":"Short","groups":[\#(Lab.group("g", 6))],"duration":"1s"}"#)
            #expect(changed.status == .ok)
            for (text, needs, missing) in [
                (saved.warnings.joined(), 5, 4), (try changed.data(API.Test.self).warnings.joined(), 6, 5),
                (try await lab.caller.get("/tests/\(saved.id)").data(API.Test.self).warnings.joined(), 6, 5),
                (try await lab.check(saved).problems.joined(), 6, 5),
                (try await lab.start(saved).failure ?? "", 6, 5),
            ] {
                #expect(text.contains("needs \(needs), has 3, missing \(missing)"), "\(text)")
                #expect(text.contains("in use: 2 (run \(holder.id) holds 2)"), "\(text)")
            }
            let check = try await lab.check(saved).registrars
            let holding = RunHolding(run: holder.id, accounts: 2)
            #expect(
                check == [
                    RegistrarCheck(
                        registrar: "pbx", needed: 6, total: 3, inUse: 2, free: 1, missing: 5, heldBy: [holding])
                ])
            _ = try await lab.caller.post("/runs/\(holder.id)/stop")
            try await lab.end(of: holder)
            #expect(try await lab.check(saved).registrars.map(\.missing) == [3])
        }
    }

    /// Most endpoints of a test, and the pool to keep for it.
    @Test(arguments: [
        (1, 20), (10, 20), (11, 100), (50, 100), (51, 1_000), (500, 1_000), (501, 1_002), (750, 1_500), (999, 1_998),
        (1_000, 2_000), (5_000, 10_000), (100_000, 200_000),
    ])
    func `C5 the pool to keep for so many endpoints`(endpoints: Int, pool: Int) async throws {
        try await Lab.open { lab in
            let usage = try await lab.usage(endpoints: endpoints)
            #expect(usage.advice == "for tests of up to \(endpoints) endpoints keep \(pool) accounts")
            #expect(usage.needed == endpoints && usage.missing == endpoints)
        }
    }
}
