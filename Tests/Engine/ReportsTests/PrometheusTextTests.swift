// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@testable import Reports

@Suite struct PrometheusTextTests {
    @Test func `a family has help and type once, and labels cannot break out`() {
        var metrics = PrometheusText()
        metrics.add("x_total", .counter, "Counts.", [.init([("name", "a\"b\\c\nd")], 3), .init([], 0.25)])
        metrics.add("y", .gauge, "Nothing.", [])
        #expect(
            metrics.text
                == "# HELP x_total Counts.\n# TYPE x_total counter\nx_total{name=\"a\\\"b\\\\c\\nd\"} 3\nx_total 0.25\n"
        )
    }

    @Test func `a run is told in base units, with bounded labels and without endpoints`() throws {
        var record = Fixture.record()
        record.verdict = .failed
        var run = MonitoredRun(record: record, summary: try Fixture.report().summary)
        run.callsEstablished = 3
        var metrics = PrometheusText()
        metrics.add([run])
        let labels = "{project=\"\",test=\"Smoke\",run=\"\(record.id)\""
        for line in [
            "callmeter_run_calls_established_total\(labels)} 3",
            "callmeter_run_registration_success_ratio\(labels)} 0.75",
            "callmeter_run_post_dial_delay_seconds\(labels),quantile=\"0.95\"} 0.12",
            "callmeter_run_info\(labels),status=\"COMPLETED\",verdict=\"failed\"} 1",
            "callmeter_run_duration_seconds\(labels)} 3.5", "callmeter_run_mos\(labels),statistic=\"min\"} 4.4",
        ] {
            #expect(metrics.text.contains(line + "\n"), "\(line)\n\(metrics.text)")
        }
        #expect(!metrics.text.contains("user0"))
        let families = metrics.text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
        #expect(Set(families).count == families.count)
    }
}
