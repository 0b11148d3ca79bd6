// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What names one phone to its registrar over all its connections: a UUID (RFC 5626 §4.1).
public struct InstanceID: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// The instance that belongs to a seed and a name: the same for the same two, another one for any other.
    public init(seed: UInt64, name: some Sequence<UInt8>) {
        let hash = name.reduce(seed ^ 0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        var random = SeededRandom(seed: hash)
        // Version 4 and the variant of RFC 9562 §5.4, as for bits of chance.
        high = random.next() & ~0xF000 | 0x4000
        low = random.next() & ~(0b11 << 62) | 0b10 << 62
    }

    fileprivate func write(into writer: inout ByteWriter) {
        writer.append(hex: high >> 32, digits: 8)
        writer.append(0x2D)
        writer.append(hex: high >> 16, digits: 4)
        writer.append(0x2D)
        writer.append(hex: high, digits: 4)
        writer.append(0x2D)
        writer.append(hex: low >> 48, digits: 4)
        writer.append(0x2D)
        writer.append(hex: low, digits: 12)
    }
}

extension ByteWriter {
    /// Appends the Contact parameters of a registration by outbound: `+sip.instance` and `reg-id` (RFC 5626 §4.2).
    public mutating func append(outbound instance: InstanceID, flow: UInt64 = 1) {
        append(";+sip.instance=\"<urn:uuid:")
        instance.write(into: &self)
        append(">\";reg-id=")
        append(decimal: flow)
    }
}
