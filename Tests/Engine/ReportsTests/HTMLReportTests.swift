// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

@testable import Reports

/// How it looks and that it needs no network is shown by the story `Interop/exports`, in a browser.
@Suite struct HTMLReportTests {
    @Test func `verdict, thresholds, causes with remedy, charts, slow endpoints and the test are in it`() throws {
        let text = HTMLReport.text(try Fixture.report(thresholds: ["mos.avg >= 4.0"]))
        for part in [
            "PASSED", "mos.avg &gt;= 4.0", "✓ passed", "1 endpoint failed: 1 cause", "Compare username and password",
            "wrong_credentials", "Registered endpoints and calls up", "Post-dial delay by second", "<polyline",
            "The slowest endpoints", "endpoints: 4", "REGISTRATION_FAILED",
        ] {
            #expect(text.contains(part), "\(part)")
        }
    }

    @Test func `it fetches nothing and runs nothing`() throws {
        let text = HTMLReport.text(try Fixture.report())
        for forbidden in ["<script", "src=", "href=", "url(", "@import", "http://", "https://", "onload"] {
            #expect(!text.contains(forbidden), "\(forbidden)")
        }
        #expect(text.contains("default-src 'none'"))
    }

    @Test func `what came from outside is shown as the text it is`() throws {
        let hostile = "<img src=x onerror=alert(1)>"
        let results = [Fixture.caller(0), Fixture.refused(1, username: hostile)]
        let text = HTMLReport.text(try Fixture.report(results, name: hostile))
        #expect(!text.contains("<img"))
        #expect(text.contains("&lt;img src=x onerror=alert(1)&gt;"))
    }

    @Test func `a cause is shown with the messages of an endpoint, made safe`() throws {
        var report = try Fixture.report()
        #expect(report.traced == [3])
        var trace = EndpointTrace(endpoint: 3, startedAt: Fixture.record().createdAt, messages: [])
        trace.messages = [
            TracedMessage(
                at: .milliseconds(1), isSent: true, transport: .udp, local: TransportAddress(127, 0, 0, 1, port: 1),
                remote: TransportAddress(127, 0, 0, 1, port: 2),
                bytes: Array("REGISTER sip:<b>@pbx SIP/2.0\r\nCSeq: 1 REGISTER\r\n\r\n".utf8))
        ]
        report.add(trace: trace)
        let text = HTMLReport.text(report)
        #expect(text.contains("<summary>Messages of endpoint 3</summary><pre>"))
        #expect(text.contains("REGISTER"))
        #expect(!text.contains("<b>@pbx"))
    }

    @Test func `a run that sent nothing says why and draws nothing`() throws {
        let text = HTMLReport.text(try Fixture.report([], status: .failed, failure: "Insufficient SIP accounts"))
        #expect(text.contains("<p class=\"alarm\">Insufficient SIP accounts</p>"))
        #expect(!text.contains("<svg"))
    }

    @Test func `a run of hours is drawn in as many columns as fit`() {
        let windows = (0..<10_000).map { Window(second: UInt32($0)) }
        #expect(WindowColumns(windows).labels.count <= 300)
        var series = DelaySeries()
        for second in 0..<10_000 { series.add(Double(second % 7), at: .seconds(second)) }
        #expect(series.columns.count <= DelaySeries.mostColumns)
        #expect(series.columns.reduce(0) { $0 + $1.count } == 10_000)
    }

    @Test func `values keep three digits, and ranks are exact`() {
        var set = SampleSet()
        for value in 1...1000 { set.add(Double(value)) }
        #expect(set.quantile(0.5) == 500)
        #expect(set.quantile(0.95) == 950)
        #expect(set.greatest == 1000)
        var small = SampleSet()
        for value in [0.012345, 123_456, 0, .nan] { small.add(value) }
        #expect(small.sorted.map(\.value) == [0, 0.0123, 123_000])
        #expect(small.count == 3)
    }

    @Test func `a document is written as YAML that reads as the same`() {
        let node = DocumentNode.object([
            ("name", .text("Smoke: all \"green\"")), ("empty", .list([])), ("none", .null(.unknown)),
            ("word", .text("null")),
            ("groups", .list([.object([("name", .text("a")), ("endpoints", .text("5"))]), .text("- b")])),
        ])
        #expect(
            DocumentText.yaml(node) == """
                name: "Smoke: all \\"green\\""
                empty: []
                none: null
                word: "null"
                groups:
                  - name: a
                    endpoints: 5
                  - "- b"

                """)
    }
}
