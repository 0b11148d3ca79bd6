// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The 96 bits that join a STUN request and its answer (RFC 5389 §6).
public struct STUNTransaction: Hashable, Sendable {
    /// The first 32 bits.
    public let high: UInt32
    /// The other 64.
    public let low: UInt64

    /// A transaction by chance.
    public init(random: inout SeededRandom) {
        high = UInt32(truncatingIfNeeded: random.next())
        low = random.next()
    }

    init(high: UInt32, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A STUN Binding request or its answer, as far as the keep-alive of a UDP flow needs it (RFC 5389; RFC 5626 §4.4.2, §8).
public struct STUNMessage: Hashable, Sendable {
    /// What it is; the raw value is the message type on the wire.
    public enum Kind: UInt16, Hashable, Sendable {
        case request = 0x0001
        case success = 0x0101
        case failure = 0x0111
    }

    /// What it is.
    public var kind: Kind
    /// What joins request and answer.
    public var transaction: STUNTransaction
    /// Where the request came from as the server saw it; nil when the message does not say.
    public var mappedAddress: TransportAddress?

    /// A message from its parts.
    public init(_ kind: Kind, _ transaction: STUNTransaction, mappedAddress: TransportAddress? = nil) {
        self.kind = kind
        self.transaction = transaction
        self.mappedAddress = mappedAddress
    }

    static let cookie: UInt32 = 0x2112_A442
    static let headerLength = 20
    private static let mapped: UInt16 = 0x0001
    static let xorMapped: UInt16 = 0x0020

    /// Whether a datagram on a SIP port is for STUN: no SIP message begins with such a byte.
    public static func isFirstByte(_ byte: UInt8) -> Bool { byte < 4 }

    /// Reads a message; nil for anything but a well-formed Binding message with the magic cookie.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.headerLength, let kind = Kind(rawValue: bytes.bigEndian(at: 0)),
            Int(bytes.bigEndian(at: 2) as UInt16) == bytes.count - Self.headerLength, bytes.count % 4 == 0,
            bytes.bigEndian(at: 4) == Self.cookie
        else { return nil }
        self.kind = kind
        transaction = STUNTransaction(high: bytes.bigEndian(at: 8), low: bytes.bigEndian(at: 12))
        mappedAddress = nil
        var place = Self.headerLength
        while place + 4 <= bytes.count {
            let type: UInt16 = bytes.bigEndian(at: place)
            let length = Int(bytes.bigEndian(at: place + 2) as UInt16)
            let end = place + 4 + length
            guard end <= bytes.count else { return nil }
            let value = UnsafeRawBufferPointer(rebasing: bytes[place + 4..<end])
            switch type {
            case Self.xorMapped: mappedAddress = address(value, isXored: true)
            case Self.mapped where mappedAddress == nil: mappedAddress = address(value, isXored: false)
            default: break
            }
            place = end + (4 - length % 4) % 4
        }
    }

    /// An address attribute (RFC 5389 §15.1, §15.2).
    private func address(_ value: UnsafeRawBufferPointer, isXored: Bool) -> TransportAddress? {
        guard value.count >= 8 else { return nil }
        let port = value.bigEndian(at: 2) ^ (isXored ? UInt16(Self.cookie >> 16) : 0)
        switch (value[1], value.count) {
        case (1, 8):
            return TransportAddress(ip: .v4(value.bigEndian(at: 4) ^ (isXored ? Self.cookie : 0)), port: port)
        case (2, 20):
            let mask = isXored ? mask : (0, 0)
            return TransportAddress(
                ip: .v6(high: value.bigEndian(at: 4) ^ mask.0, low: value.bigEndian(at: 12) ^ mask.1), port: port)
        default:
            return nil
        }
    }

    /// Cookie and transaction, with which an IPv6 address is masked.
    fileprivate var mask: (UInt64, UInt64) {
        (UInt64(Self.cookie) << 32 | UInt64(transaction.high), transaction.low)
    }
}

extension ByteWriter {
    /// Appends a STUN message.
    public mutating func append(_ message: STUNMessage) {
        let valueLength: UInt16 =
            switch message.mappedAddress?.ip {
            case nil: 0
            case .v4: 8
            case .v6: 20
            }
        append(bigEndian: message.kind.rawValue)
        append(bigEndian: valueLength == 0 ? 0 : valueLength + 4)
        append(bigEndian: STUNMessage.cookie)
        append(bigEndian: message.transaction.high)
        append(bigEndian: message.transaction.low)
        guard let address = message.mappedAddress else { return }
        append(bigEndian: STUNMessage.xorMapped)
        append(bigEndian: valueLength)
        append(0)
        append(valueLength == 8 ? 1 : 2)
        append(bigEndian: address.port ^ UInt16(STUNMessage.cookie >> 16))
        switch address.ip {
        case .v4(let value):
            append(bigEndian: value ^ STUNMessage.cookie)
        case .v6(let high, let low):
            append(bigEndian: high ^ message.mask.0)
            append(bigEndian: low ^ message.mask.1)
        }
    }

    private mutating func append(bigEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { append($0) }
    }
}

extension UnsafeRawBufferPointer {
    /// A number in network order; the caller has checked that it is there.
    fileprivate func bigEndian<Value: FixedWidthInteger>(at offset: Int) -> Value {
        Value(bigEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
