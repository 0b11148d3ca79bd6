// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Testing

@testable import Media

@Suite struct G711Tests {
    /// FNV-1a over bytes, so that whole tables can be compared with another implementation's in one number.
    private func checksum(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    private func littleEndian(_ samples: [Int16]) -> [UInt8] {
        samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }

    // The checksums are of the tables that Python's audioop makes (lin2ulaw, lin2alaw, ulaw2lin, alaw2lin).

    @Test func `all non-negative samples are encoded as another implementation does`() {
        #expect(checksum((0...Int16.max).map(G711.encodeMuLaw)) == 0x1830_3138_f6ea_eb89)
        #expect(checksum((0...Int16.max).map(G711.encodeALaw)) == 0xd107_4309_fe65_b625)
    }

    @Test func `all bytes are decoded as another implementation does`() {
        #expect(checksum(littleEndian((0...255).map { G711.decodeMuLaw($0) })) == 0xb91e_65d6_8481_a1a8)
        #expect(checksum(littleEndian((0...255).map { G711.decodeALaw($0) })) == 0x693a_40ca_62a3_d2a5)
        #expect(G711.decodeMuLaw(0x00) == -32_124)
        #expect(G711.decodeALaw(0xD5) == 8)
    }

    @Test func `a negative sample differs from its complement in the sign bit alone`() {
        for sample in Int16.min...(-1) {
            #expect(G711.encodeMuLaw(sample) == G711.encodeMuLaw(~sample) ^ 0x80)
            #expect(G711.encodeALaw(sample) == G711.encodeALaw(~sample) ^ 0x80)
        }
    }

    @Test func `what was decoded is encoded to the same byte`() {
        for byte in UInt8.min...UInt8.max {
            #expect(G711.encodeALaw(G711.decodeALaw(byte)) == byte)
            // µ-law has two zeros; the negative one comes back as the positive one.
            #expect(G711.encodeMuLaw(G711.decodeMuLaw(byte)) == (byte == 0x7F ? 0xFF : byte))
        }
    }

    @Test func `a tone has its frequency and its strength`() {
        let material = AudioMaterial.tone(hertz: 1000, amplitude: 8000)
        var packet = [UInt8](repeating: 0, count: 160)
        packet.withUnsafeMutableBytes { material.copy(.pcma, at: 0, into: $0) }
        let samples = packet.map { Int(G711.decodeALaw($0)) }
        // 8 samples a period: 0, s, 1, s, 0, -s, -1, -s times 8000, within A-law's step.
        for (index, expected) in [0, 5657, 8000, 5657, 0, -5657, -8000, -5657].enumerated() {
            for period in stride(from: index, to: 160, by: 8) { #expect(abs(samples[period] - expected) <= 256) }
        }
    }

    @Test func `speech-like material is loud, has a pause, and is the same in both codecs`() {
        let material = AudioMaterial.speechLike()
        var loudness: [Double] = []
        for position in stride(from: 0, to: material.count, by: 160) {
            var muLaw = [UInt8](repeating: 0, count: 160)
            var aLaw = muLaw
            muLaw.withUnsafeMutableBytes { material.copy(.pcmu, at: position, into: $0) }
            aLaw.withUnsafeMutableBytes { material.copy(.pcma, at: position, into: $0) }
            let first = muLaw.reduce(0.0) { $0 + abs(Double(G711.decodeMuLaw($1))) } / 160
            let second = aLaw.reduce(0.0) { $0 + abs(Double(G711.decodeALaw($1))) } / 160
            #expect(abs(first - second) < 40 + first / 10)
            loudness.append(first)
        }
        #expect(loudness.contains { $0 > 2000 })
        #expect(loudness.suffix(30).allSatisfy { $0 < 1 })
        #expect(material.count % 960 == 0)
    }
}
