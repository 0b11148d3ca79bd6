// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Media

@Suite struct RTCPTests {
    private func items(_ bytes: [UInt8]) -> (items: [RTCPItem], whole: Bool) {
        var found: [RTCPItem] = []
        let whole = bytes.withUnsafeBytes { RTCPReader.read($0) { found.append($0) } }
        return (found, whole)
    }

    @Test func `the round trip of RFC 3550 figure 2 is 6_125 s`() {
        // SR sent at ntp 0xb44db705.20000000; received back at 0xb44db710.80000000 with DLSR 5.25 s.
        let sent = NTPTimestamp(value: 0xb44d_b705_2000_0000)
        #expect(sent.middle == 0xb705_2000)
        let trip = RoundTrip.milliseconds(
            arrival: NTPTimestamp(value: 0xb44d_b710_8000_0000).middle, lastReport: sent.middle, delay: 0x0005_4000)
        #expect(trip == 6125)
    }

    @Test func `no round trip without a sender report, a rounding below zero is zero, nonsense is nothing`() {
        #expect(RoundTrip.milliseconds(arrival: 5000, lastReport: 0, delay: 0) == nil)
        #expect(RoundTrip.milliseconds(arrival: 5000, lastReport: 5000, delay: 1) == 0)
        #expect(RoundTrip.milliseconds(arrival: 5000, lastReport: 5000, delay: 100_000) == nil)
        // The 16-bit seconds wrap between the report and its echo.
        #expect(RoundTrip.milliseconds(arrival: 0x0000_8000, lastReport: 0xFFFF_8000, delay: 0) == 1000)
    }

    @Test func `NTP time counts from 1900`() {
        // 2208988800 s lie between 1900 and 1970 (RFC 868); half a second is 0x80000000.
        let time = NTPTimestamp(UnixTime(nanoseconds: 1_500_000_000))
        #expect(time.value == UInt64(2_208_988_801) << 32 | 0x8000_0000)
    }

    @Test func `reports behind feedback, extended and unknown packets are found`() {
        var bytes: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, 1]
        bytes += [0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 0]  // transport feedback (RFC 4585)
        bytes += [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]  // picture loss
        bytes += [0x80, 207, 0, 1, 0, 0, 0, 1]  // extended report
        bytes += [0x80, 250, 0, 0]  // nobody knows
        bytes += [0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 9, 0x40, 0xFF, 0xFF, 0xFE, 0, 1, 0, 2]
        bytes += [0, 0, 0, 80, 0xb7, 0x05, 0x20, 0, 0, 5, 0x40, 0]
        bytes += [0x81, 203, 0, 1, 0, 0, 0, 1]
        let result = items(bytes)
        let block = ReportBlock(
            source: 9, fractionLost: 64, packetsLost: -2, extendedHighest: 0x1_0002, jitter: 80,
            lastReport: 0xb705_2000, delaySinceLastReport: 0x0005_4000)
        #expect(result.items == [.reportBlock(block), .bye(source: 1)])
        #expect(result.whole)
    }

    @Test func `a compound packet cut at any byte gives what is whole and never traps`() {
        var buffer = [UInt8](repeating: 0, count: RTCPWriter.maximumLength)
        let count = buffer.withUnsafeMutableBytes { bytes in
            var writer = RTCPWriter(into: bytes)
            writer.report(
                source: 1, sender: SenderInformation(time: NTPTimestamp(value: 2), timestamp: 3, packets: 4, bytes: 5),
                block: ReportBlock(
                    source: 6, fractionLost: 7, packetsLost: -8, extendedHighest: 9, jitter: 10, lastReport: 11,
                    delaySinceLastReport: 12))
            writer.description(source: 1, name: 0x0123_4567_89AB_CDEF)
            writer.bye(source: 1)
            return writer.count
        }
        #expect(count == 52 + 28 + 8)
        let whole = Array(buffer[..<count])
        #expect(items(whole).items.count == 3)
        #expect(items(whole).whole)
        for cut in 0..<count {
            let result = items(Array(whole[..<cut]))
            #expect(result.whole == [52, 80].contains(cut))
        }
        #expect(String(decoding: whole[62..<78], as: UTF8.self) == "0123456789abcdef")
    }

    @Test func `a report block's claims beyond its packet are refused`() {
        #expect(!items([0x9F, 201, 0, 1, 0, 0, 0, 1]).whole)
        #expect(!items([0x80, 200, 0, 1, 0, 0, 0, 1]).whole)
        #expect(!items([0x9F, 203, 0, 1, 0, 0, 0, 1]).whole)
        #expect(!items([]).whole)
    }
}
