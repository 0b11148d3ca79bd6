// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Foundation
import RunMetrics
import Testing

@Suite struct WindowTests {
    static func part(_ milliseconds: [Int], group: String) -> Window {
        var window = Window(second: 7)
        for value in milliseconds { window.tally.record(.milliseconds(value), as: \.setup) }
        window.tally.callsEstablished = UInt32(milliseconds.count)
        window.groups = [GroupTally(name: group, tally: window.tally)]
        window.generator = GeneratorSample()
        window.generator?.socketDrops = 1
        return window
    }

    @Test func `parts of a second merge without loss, in any order`() {
        let values = (1...500).map { $0 * 7 % 911 + 1 }
        let whole = Self.part(values, group: "a").tally.delays?.setup
        var sums: [Window] = []
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            var sum = Window(second: 7)
            for place in order {
                sum.merge(Self.part(Array(values[(place * 500 / 3)..<((place + 1) * 500 / 3)]), group: "a"))
            }
            sums.append(sum)
        }
        for sum in sums {
            #expect(sum.tally.delays?.setup == whole)
            #expect(sum.tally(of: "a")?.delays?.setup == whole)
            #expect(sum.callsEstablished == 500)
            #expect(sum.generator?.socketDrops == 3)
        }
    }

    @Test func `a window is read back as it was written, and an older one without histograms too`() throws {
        let window = Self.part([1, 2, 70, 4_000_000], group: "a")
        let data = try JSONEncoder().encode(window)
        #expect(try JSONDecoder().decode(Window.self, from: data) == window)
        let old = #"""
            {"second":3,"registrationsStarted":1,"registrationsSucceeded":1,"registrationsFailed":0,"callsStarted":0,
            "callsEstablished":0,"callsFailed":0,"callsEnded":0,"callsUp":0,"registered":1,"messagesSent":2,
            "messagesReceived":2,"retransmissions":0}
            """#
        let read = try JSONDecoder().decode(Window.self, from: Data(old.utf8))
        #expect(read.registrationsSucceeded == 1)
        #expect(read.tally.delays == nil)
    }

    @Test func `an empty second is written without histograms`() throws {
        let text = String(decoding: try JSONEncoder().encode(Window(second: 1)), as: UTF8.self)
        #expect(!text.contains("buckets"))
        #expect(text.utf8.count < 300)
    }

    @Test(arguments: [
        #"{"count":1,"sumUs":1,"minUs":1,"maxUs":1,"buckets":[4000000000,1]}"#,
        #"{"count":1,"sumUs":1,"minUs":9,"maxUs":1,"buckets":[1,1]}"#,
        #"{"count":1,"sumUs":1,"minUs":1,"maxUs":18446744073709551615,"buckets":[1,1]}"#,
    ])
    func `a histogram that cannot be is refused`(text: String) {
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Histogram.self, from: Data(text.utf8))
        }
    }

    @Test func `what a histogram recorded since an earlier moment is found`() {
        var histogram = Histogram()
        for value in 1...100 { histogram.record(.milliseconds(value)) }
        let before = histogram
        for _ in 0..<50 { histogram.record(.milliseconds(10)) }
        let since = histogram.since(before)
        #expect(since.count == 50)
        let median = since.quantile(0.5)?.milliseconds ?? 0
        #expect(abs(median - 10) <= 10.0 / 64)
        #expect(before.since(before) == Histogram())
    }

    @Test func `values above a bound are counted by whole buckets`() {
        var histogram = Histogram()
        for value in [1, 50, 99, 103, 150, 2_000] { histogram.record(.milliseconds(value)) }
        #expect(histogram.count(above: .milliseconds(100)) == 3)
        #expect(histogram.count(above: .milliseconds(2_000)) == 0)
        #expect(histogram.count(above: .zero) == 6)
    }
}
