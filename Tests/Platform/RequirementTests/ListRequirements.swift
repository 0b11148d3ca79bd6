// SPDX-License-Identifier: Apache-2.0

import API
import Domain
import Foundation
import HTTPTypes
import RunMetrics
import Testing

/// Requirement A5's second half and B8: lists that are replaced, and lists of other formats.
@Suite(.timeLimit(.minutes(3))) struct ListRequirements {
    private static func rotate(_ lab: Lab, _ text: String) async throws -> Caller.Answer {
        try await lab.caller.send(
            .post, "/api/v1/registrars/\(lab.registrar)/accounts/rotate", text, headers: [.contentType: "text/plain"])
    }

    @Test func `A5 a rotated list has new passwords and new accounts at the old places; the others stay`() async throws
    {
        try await withWire([
            PBXSubscriber("a", "new1"), PBXSubscriber("b", "old2"), PBXSubscriber("c", "new3"),
        ]) { lab, _ in
            _ = try await lab.bulk("a:old1\nb:old2\nc:old3\n")
            let before = try await lab.accounts()
            let report = try await Self.rotate(lab, "c:new3\r\na:new1\r\n")
            #expect(report.status == .ok, "\(report.text)")
            #expect(try report.json.field("data")?.field("rotated") == .integer(2))
            let after = try await lab.accounts()
            #expect(after.map(\.username) == ["a", "b", "c"])
            #expect(after.map(\.position) == before.map(\.position))
            #expect(after[1] == before[1])
            #expect(after[0].id != before[0].id && after[2].id != before[2].id)
            #expect(try await lab.caller.get("/accounts/\(before[0].id)").status == .notFound)
            #expect(try await lab.register(3, named: "New") == ["a": .success, "b": .success, "c": .success])
            #expect(try await lab.audit().contains { $0.action == "accounts.rotate" })
        }
    }

    @Test func `A5 one bad line, one unknown user or one account in use, and nothing is rotated`() async throws {
        try await withWire([PBXSubscriber("a", "1"), PBXSubscriber("b", "2"), PBXSubscriber("c", "3")]) { lab, _ in
            _ = try await lab.bulk("a:1\nb:2\nc:3\n")
            let before = try await lab.accounts()
            for (text, reason) in [
                ("a:new\nbad\n", "no_colon"), ("a:new\nb:\n", "password_empty"),
                ("a:new\nnobody:x\n", "username_unknown"), ("a:new\na:newer\n", "duplicate_in_batch"),
            ] {
                let answer = try await Self.rotate(lab, text)
                let report = try answer.data(API.ImportReport.self)
                #expect(report.failedByReason == [reason: 1], "\(answer.text)")
                #expect(report.problems.map(\.line) == [2])
                #expect(try answer.json.field("data")?.field("rotated") == .integer(0))
                #expect(!answer.text.contains("new"))
                #expect(try await lab.accounts() == before, "\(reason)")
            }
            let run = try await lab.start(try await lab.save("Long", [Lab.group("g", 2)], duration: "1h"))
            let held = try await lab.accounts()
            let answer = try await Self.rotate(lab, "c:new\na:new\n")
            #expect(answer.text.contains(run.id) && answer.text.contains("account_in_use"), "\(answer.text)")
            #expect(try await lab.accounts().map(\.id) == held.map(\.id))
            _ = try await lab.caller.post("/runs/\(run.id)/stop")
            try await lab.end(of: run)
            #expect(try await lab.accounts().map(\.id) == before.map(\.id))
            #expect(try await lab.register(3, named: "Old") == ["a": .success, "b": .success, "c": .success])
        }
    }

    @Test func `B8 CSV with a header brings realms, extensions and passwords with colons`() async throws {
        try await withWire([
            PBXSubscriber("1001", "a:b:c"), PBXSubscriber("1002", "say \"hi\", twice", address: "8002"),
            PBXSubscriber("1003", "line\nend"), PBXSubscriber("1004", " blank "),
        ]) { lab, _ in
            let text = """
                \u{FEFF}username,password,realm,extension\r
                1001,a:b:c,,\r
                1002,"say ""hi"", twice",callmeter,8002\r
                1003,"line\nend","",""\r
                \r
                1004, blank ,,\r
                1001,again,,\r
                ,x,,\r
                10 05,x,,\r
                1006,,,\r

                """
            let dry = try await lab.bulk(text, dryRun: true, type: "text/csv")
            let report = try await lab.bulk(text, type: "text/csv")
            #expect(report.created == 4 && report.skipped == 0 && report.failed == 4, "\(report)")
            #expect(dry.created == 4 && dry.problems == report.problems)
            #expect(report.problems.map(\.line) == [8, 9, 10, 11])
            let listed = try await lab.accounts()
            #expect(listed.map(\.realm) == [nil, "callmeter", nil, nil])
            #expect(listed.map(\.extension) == [nil, "8002", nil, nil])
            let outcomes = try await lab.register(4, named: "CSV")
            #expect(outcomes.filter { $0.value != .success }.isEmpty, "\(outcomes)")
            // A header that lacks the password names it and quotes nothing.
            let headless = try await lab.caller.send(
                .post, "/api/v1/registrars/\(lab.registrar)/accounts/import", "x,canary-1\ny,canary-2\n",
                headers: [.contentType: "text/csv"])
            #expect(headless.status == .badRequest && !headless.text.contains("canary"), "\(headless.text)")
        }
    }

    @Test func `B8 SIPp's injection files are read as SIPp reads them`() async throws {
        try await withWire([
            PBXSubscriber("joe", "schmo"), PBXSubscriber("ann", "two words"), PBXSubscriber("hex", "AB"),
        ]) { lab, _ in
            let text = """
                SEQUENTIAL
                # a comment
                joe;[authentication username=joe password=schmo];127.0.0.1
                ann;[authentication username=ann password="two words"];127.0.0.1
                hex;[authentication username=hex password=0x4142];127.0.0.1
                nobody;127.0.0.1

                """
            let answer = try await lab.caller.send(
                .post, "/api/v1/registrars/\(lab.registrar)/accounts/import?format=sipp", text,
                headers: [.contentType: "text/plain"])
            let report = try answer.data(API.ImportReport.self)
            #expect(report.created == 3 && report.failed == 1, "\(answer.text)")
            #expect(try await lab.register(3, named: "SIPp") == ["joe": .success, "ann": .success, "hex": .success])
        }
    }
}
