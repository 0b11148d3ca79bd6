// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Reports
import Testing

struct TimeTextTests {
    // Expected values from Python's datetime.
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"), (1_763_846_681_123, "2025-11-22T21:24:41.123Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
    ])
    func `a moment is written as RFC 3339 in UTC`(milliseconds: Int64, text: String) {
        #expect(UnixTime(nanoseconds: milliseconds * 1_000_000).text == text)
    }
}
