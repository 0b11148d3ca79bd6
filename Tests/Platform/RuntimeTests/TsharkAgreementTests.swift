// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Foundation
import Media
import Testing

/// A capture file of RTP in UDP in IPv4 (libpcap format, nanoseconds, link type RAW).
private struct Capture {
    private(set) var bytes: [UInt8] = []

    init() {
        for word: UInt32 in [0xA1B2_3C4D, 0x0004_0002, 0, 0, 65_535, 101] { append(little: word) }
    }

    mutating func add(_ rtp: [UInt8], at arrival: Instant) {
        let length = 28 + rtp.count
        append(little: UInt32(1_700_000_000 + arrival.nanoseconds / 1_000_000_000))
        append(little: UInt32(arrival.nanoseconds % 1_000_000_000))
        append(little: UInt32(length))
        append(little: UInt32(length))
        bytes += [
            0x45, 0, UInt8(length >> 8), UInt8(length & 255), 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
        ]
        bytes += [0x9C, 0x40, 0x9C, 0x42, UInt8((8 + rtp.count) >> 8), UInt8((8 + rtp.count) & 255), 0, 0]
        bytes += rtp
    }

    private mutating func append(little value: UInt32) {
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    }
}

@Suite struct TsharkAgreementTests {
    static let path = "/usr/bin/tshark"

    /// What `tshark -z rtp,streams` says of the only stream of a capture.
    private func judge(
        _ capture: Capture
    ) async throws -> (packets: Int, lost: Int, meanJitter: Double, maxJitter: Double) {
        let file = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString).pcap")
        try Data(capture.bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let text = try await ChildProcess.output(
            of: Self.path, ["-n", "-r", file.path, "-q", "-d", "udp.port==40002,rtp", "-z", "rtp,streams"])
        // Start, end, source, port, destination, port, SSRC, payload, packets, lost, (percent), 3 deltas, 3 jitters.
        let line = try #require(text.split(separator: "\n").first { $0.contains("0x") }, "\(text)")
        let fields = line.split(separator: " ")
        let ssrc = try #require(fields.firstIndex { $0.hasPrefix("0x") })
        let lost = try #require(fields.dropFirst(ssrc).firstIndex { $0.hasPrefix("(") }) - 1
        return (
            try #require(Int(fields[lost - 1])), try #require(Int(fields[lost])),
            try #require(Double(fields[lost + 6])), try #require(Double(fields[lost + 7]))
        )
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: path)), arguments: [1, 2, 3])
    func `loss and jitter agree with tshark's to 0_1 ms, over loss, reordering and the wrap`(seed: UInt64) async throws
    {
        var random = SeededRandom(seed: seed)
        var arrivals: [(header: RTPHeader, at: Instant)] = []
        let start = UInt16(truncatingIfNeeded: random.next())
        for index in 0..<2000 {
            let header = RTPHeader(
                payloadType: 8, sequenceNumber: UInt16.max - 700 &+ start % 300 &+ UInt16(index),
                timestamp: UInt32.max - 90_000 &+ UInt32(index * 160), source: 0x1234_5678)
            // The first and the last packet arrive, so that both sides know the whole length.
            if index != 0 && index != 1999 && random.chance(0.03) { continue }
            // Some packets are late enough to be overtaken.
            let delay = random.chance(0.02) ? 45.0 : 8 * random.unit() * random.unit()
            arrivals.append((header, .zero + .milliseconds(index * 20) + .seconds((5 + delay) / 1000)))
        }
        arrivals.sort { $0.at < $1.at }
        var capture = Capture()
        let audio = NegotiatedAudio(codec: .pcma, remoteRTP: TransportAddress(192, 0, 2, 1, port: 40_000))
        var session = Session(
            configuration: StreamConfiguration(audio: audio, source: .echo), start: .zero,
            clock: UnixTime(nanoseconds: 0), random: random)
        for (header, arrival) in arrivals {
            var bytes = [UInt8](repeating: 0xD5, count: 172)
            bytes.withUnsafeMutableBytes { header.write(into: $0) }
            capture.add(bytes, at: arrival)
            bytes.withUnsafeBytes { _ = session.receivePacket($0, at: arrival) }
        }
        let theirs = try await judge(capture)
        let ours = session.report()
        #expect(theirs.packets == arrivals.count)
        #expect(ours.packetsReceived == UInt64(arrivals.count))
        #expect(ours.packetsLost == UInt64(theirs.lost))
        let jitter = try #require(ours.jitter)
        #expect(abs(jitter.mean - theirs.meanJitter) < 0.1, "ours \(jitter), theirs \(theirs)")
        #expect(abs(jitter.maximum - theirs.maxJitter) < 0.1, "ours \(jitter), theirs \(theirs)")
        #expect(ours.reordered > 10)
    }
}
