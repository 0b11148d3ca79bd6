// SPDX-License-Identifier: Apache-2.0

import Domain
import RunMetrics
import Testing

@testable import Reports

/// Whether the document is accepted by the format's schema is a story's: `Interop/exports`.
@Suite struct JUnitTests {
    @Test func `there is a case for the run, the generator, each threshold and each cause`() throws {
        let text = JUnit.text(try Fixture.report(thresholds: ["mos.avg >= 4.0", "registration.success_rate >= 99%"]))
        #expect(text.contains("tests=\"5\" failures=\"2\" errors=\"0\""))
        #expect(text.contains("<testcase classname=\"Smoke.thresholds\" name=\"mos.avg &gt;= 4.0\" time=\"0.000\"/>"))
        #expect(text.contains("<failure message=\"measured 75\" type=\"thresholds\">"))
        #expect(text.contains("<failure message=\"1 endpoint: wrong_credentials\" type=\"failures\">"))
        #expect(text.contains("do: Compare username and password"))
        #expect(text.contains("endpoints: 3</failure>"))
        #expect(text.contains("timestamp=\"2026-11-23T06:57:44\""))
        #expect(text.contains("time=\"3.500\""))
    }

    @Test func `failures that the thresholds tolerate are skipped, so that the file agrees with exit code 0`() throws {
        let text = JUnit.text(try Fixture.report(thresholds: ["registration.success_rate >= 70%"]))
        #expect(text.contains("failures=\"0\" errors=\"0\""))
        #expect(text.contains("skipped=\"1\""))
        #expect(text.contains("<skipped message=\"1 endpoint: wrong_credentials, within the thresholds\"/>"))
    }

    @Test func `a run that failed as a whole is an error`() throws {
        let text = JUnit.text(try Fixture.report([], status: .failed, failure: "Insufficient SIP accounts: 1 missing"))
        #expect(text.contains("tests=\"2\" failures=\"0\" errors=\"1\""))
        #expect(text.contains("<error message=\"Insufficient SIP accounts: 1 missing\" type=\"run\">"))
    }

    @Test func `names and answers from outside cannot break out of their places`() throws {
        let hostile = "</testsuite><a b=\"\u{0}&'"
        let text = JUnit.text(try Fixture.report(name: hostile))
        #expect(!text.contains("<a b"))
        #expect(text.contains("&lt;/testsuite&gt;&lt;a b=&quot;\u{FFFD}&amp;&#39;"))
    }
}
