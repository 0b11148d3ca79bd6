// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@Suite struct ThresholdGrammarTests {
    @Test(arguments: [
        ("p95(post_dial_delay)<800ms", "p95(post_dial_delay) < 800ms"),
        ("post_dial_delay.p(95) < 0.8s", "p95(post_dial_delay) < 0.8s"),
        ("p(99.9)(rrd) <= 1500 ms", "p99.9(rrd) <= 1500ms"),
        ("med(setup_time) < 2s", "p50(setup_time) < 2s"),
        ("avg(mos) >= 4.0", "mos.avg >= 4.0"),
        ("count(registration.failed) === 0", "registration.failed == 0"),
        ("count(jitter) > 10", "count(jitter) > 10"),
        ("rate(call.attempted) >= 9.5/s over 10s", "rate(call.attempted) >= 9.5/s over 10s"),
        ("[group callers] call.success_rate >= 99%", "call.success_rate >= 99% of callers"),
        ("[callers] call.success_rate >= 99%", "call.success_rate >= 99% of callers"),
        ("call.success_rate{group:callers} >= 99%", "call.success_rate >= 99% of callers"),
        ("call.failed < 5 abort", "call.failed < 5 abort"),
        (
            "p95(setup_time) < 2s abort after 30s over 1m of \"two words\"",
            "p95(setup_time) < 2s of \"two words\" over 1m abort after 30s"
        ),
        ("setup_time.max !== 1s", "setup_time.max != 1s"),
    ])
    func `a condition has one text, which reads back as itself`(written: String, text: String) throws {
        let threshold = try Threshold(written)
        #expect(threshold.text == text)
        #expect(try Threshold(text) == threshold)
    }

    @Test(arguments: [
        ("post_dial_dely.avg < 1s", "did you mean 'post_dial_delay.avg'"),
        ("post_dial_delay < 1s", "say which figure"), ("p101(rtt) < 1s", "no percentile"),
        ("p(x)(rtt) < 1s", "no percentile"), ("sum(rtt) < 1s", "use avg, min, max, med"),
        ("avg(call.failed) < 1", "counted"), ("call.success_rate.avg > 1%", "one figure already"),
        ("mos.avg >= 4 over 10s", "leave out 'over'"), ("mos.avg >= 4 abort", "leave out 'abort'"),
        ("call.established >= 10 abort", "judged at the end"), ("rtp_lateness.max < 1s of a", "as a whole"),
        ("call.failed < 5 ovr 10s", "did you mean 'over'"), ("call.failed < 5 over 1.5s", "whole seconds"),
        ("call.failed < 5 over 2h", "whole seconds"), ("call.failed < 5 over", "is missing"),
        ("call.failed < 5 abort after x", "no duration"), ("[] call.failed < 5", "name is missing"),
        ("[a call.failed < 5", "no ']'"), ("call.failed < 5 of a of b", "given twice"),
        ("call.failed =< 5", "no comparison"), ("rate(endpoint.failed) < 1/s", "not counted second by second"),
        ("", "no comparison"), ("< 5", "unknown metric"), ("call.failed <", "whole number"),
    ])
    func `a condition that cannot be meant is explained in words`(text: String, message: String) {
        #expect {
            _ = try Threshold(text)
        } throws: { error in
            (error as? Threshold.Problem)?.message.contains(message) == true
        }
    }

    @Test func `every name of the catalogue can be read, with each figure it has`() throws {
        for name in SummaryMetric.allNames {
            let entry = try #require(SummaryMetric.catalogue.first { name.contains($0.name) })
            let matching = SummaryMetric.catalogue.filter { name.contains($0.name) }.max {
                $0.name.count < $1.name.count
            }
            let unit = matching?.unit ?? entry.unit
            let bound =
                switch unit {
                case .milliseconds: "1ms"
                case .percent: "1%"
                case .count, .score: "1"
                case .perSecond: "1/s"
                }
            _ = try Threshold("\(name) < \(bound)")
        }
    }

    private static func read(_ thresholds: DocumentNode) throws -> [Threshold] {
        let document = DocumentNode.object([
            ("name", .text("t")),
            ("registrars", .object([("pbx", .object([("domain", .text("127.0.0.1"))]))])),
            (
                "groups",
                .list([
                    .object([
                        ("name", .text("callers")), ("registrar", .text("pbx")), ("endpoints", .text("2")),
                        ("callee", .text("none")),
                    ])
                ])
            ),
            ("duration", .text("1s")), ("thresholds", thresholds),
        ])
        return try TestDefinition.read(document).thresholds
    }

    @Test func `a condition may be a mapping, and stand under its metric as in k6`() throws {
        let listed = try Self.read(
            .list([
                .object([
                    ("that", .text("call.failed < 5")), ("group", .text("callers")), ("over", .text("10s")),
                    ("abort", .text("true")), ("abortAfter", .text("30s")),
                ]), .text("mos.avg >= 4"),
            ]))
        #expect(listed.map(\.text) == ["call.failed < 5 of callers over 10s abort after 30s", "mos.avg >= 4"])
        let keyed = try Self.read(
            .object([
                ("post_dial_delay{group:callers}", .list([.text("p(95)<800ms"), .text("avg < 500ms")])),
                (
                    "call.failed",
                    .list([
                        .object([
                            ("threshold", .text("count<10")), ("abortOnFail", .text("true")),
                            ("delayAbortEval", .text("10s")),
                        ])
                    ])
                ), ("call.success_rate", .list([.text(">=99%")])),
            ]))
        #expect(
            keyed.map(\.text) == [
                "p95(post_dial_delay) < 800ms of callers", "post_dial_delay.avg < 500ms of callers",
                "call.failed < 10 abort after 10s", "call.success_rate >= 99%",
            ])
    }

    @Test(arguments: [
        (DocumentNode.list([.text("call.failed < 5 of calers")]), "there is no group 'calers'"),
        (.object([("mos", .text("avg>4"))]), "a list of conditions"), (.text("mos.avg > 4"), "a list of conditions"),
        (.object([("mos", .list([.text("avg>4")])), ("mos", .list([.text("max>4")]))]), "stands twice"),
        (.list([.object([("group", .text("callers"))])]), "'that' is missing"),
        (.list([.object([("that", .text("mos.avg > 4")), ("abrt", .text("true"))])]), "unknown key 'abrt'"),
    ])
    func `a mistake in a test's conditions is explained`(thresholds: DocumentNode, message: String) {
        #expect {
            _ = try Self.read(thresholds)
        } throws: { error in
            (error as? TestDefinitionError)?.problems.contains { $0.message.contains(message) } == true
        }
    }
}
