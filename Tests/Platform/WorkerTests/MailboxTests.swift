// SPDX-License-Identifier: Apache-2.0

import Testing
import WorkerLink

@Suite struct MailboxTests {
    @Test func `frames come out in order and those put in before the end are still delivered`() async {
        let mailbox = Mailbox<Int>()
        for number in 0..<100 { mailbox.put(number) }
        mailbox.close()
        var seen: [Int] = []
        await mailbox.forEach { seen.append($0) }
        #expect(seen == Array(0..<100))
        #expect(!mailbox.put(100))
    }

    @Test func `a full mailbox drops detail and counts it, keeps the rest, and ends when that does not fit either`()
        async
    {
        let mailbox = Mailbox<Int>()
        for number in 0..<2_000 { mailbox.put(number, isDetail: true) }
        let dropped = mailbox.dropped
        #expect(dropped > 0)
        var taken = 2_000 - dropped
        while mailbox.put(-1) { taken += 1 }
        #expect(taken == Mailbox<Int>.capacity)
        var delivered = 0
        await mailbox.forEach { _ in delivered += 1 }
        #expect(delivered == taken)
    }
}
