// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// A trace as it is kept: one value, little more than the messages themselves.
///
///     version 1 | flags | endpoint u32 | start i64 | then for each message
///     flags | transport | time i64 | local | remote | length u32 | kept u32 | bytes
///
/// Numbers are big endian; an address is 4 or 6, its 4 or 16 bytes, and the port. It ends with the last message.
extension EndpointTrace {
    /// The version written, and the only one read.
    static let codingVersion: UInt8 = 1
    /// No message of a trace is longer; a length beyond it is a damaged value.
    static let longestMessage = 1 << 24

    /// The trace as it is kept.
    public var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 64 + messages.reduce(0) { $0 + $1.bytes.count + 80 })
        writer.append(Self.codingVersion)
        writer.append(isTruncated ? 1 : 0)
        writer.append(big: UInt64(endpoint), bytes: 4)
        writer.append(big: UInt64(bitPattern: startedAt.nanoseconds), bytes: 8)
        for message in messages { writer.append(message) }
        return writer.bytes
    }

    /// Reads a kept trace; nil for what is none, or was written by a newer version.
    public init?(encoded: [UInt8]) {
        let trace = encoded.withUnsafeBytes { bytes -> EndpointTrace? in
            var reader = TraceReader(bytes)
            guard reader.number(1) == UInt64(Self.codingVersion), let flags = reader.number(1),
                let endpoint = reader.number(4), let start = reader.number(8), flags <= 1
            else { return nil }
            var trace = EndpointTrace(
                endpoint: UInt32(truncatingIfNeeded: endpoint),
                startedAt: UnixTime(nanoseconds: Int64(bitPattern: start)), isTruncated: flags == 1, messages: [])
            while !reader.isAtEnd {
                guard let message = reader.message() else { return nil }
                trace.messages.append(message)
            }
            return trace
        }
        guard let trace else { return nil }
        self = trace
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ message: TracedMessage) {
        append(message.isSent ? 1 : 0)
        append(message.transport.rawValue)
        append(big: UInt64(bitPattern: message.at.nanoseconds), bytes: 8)
        append(kept: message.local)
        append(kept: message.remote)
        append(big: UInt64(message.length), bytes: 4)
        append(big: UInt64(message.bytes.count), bytes: 4)
        append(message.bytes)
    }

    private mutating func append(kept address: TransportAddress) {
        switch address.ip {
        case .v4(let value):
            append(4)
            append(big: UInt64(value), bytes: 4)
        case .v6(let high, let low):
            append(6)
            append(big: high, bytes: 8)
            append(big: low, bytes: 8)
        }
        append(big: UInt64(address.port), bytes: 2)
    }

    fileprivate mutating func append(big value: UInt64, bytes count: Int) {
        for place in (0..<count).reversed() { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * place))) }
    }
}

/// Reads the parts of a kept trace; nil once something is missing.
private struct TraceReader {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { place == bytes.count }

    mutating func number(_ count: Int) -> UInt64? {
        guard bytes.count - place >= count else { return nil }
        defer { place += count }
        return bytes[place..<place + count].reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func message() -> TracedMessage? {
        guard let flags = number(1), flags <= 1,
            let transport = number(1).flatMap({ TracedTransport(rawValue: UInt8(truncatingIfNeeded: $0)) }),
            let time = number(8), let local = address(), let remote = address(), let length = number(4),
            let count = number(4), length <= EndpointTrace.longestMessage, count <= length,
            bytes.count - place >= Int(count)
        else { return nil }
        defer { place += Int(count) }
        return TracedMessage(
            at: Interval(nanoseconds: Int64(bitPattern: time)), isSent: flags == 1, transport: transport, local: local,
            remote: remote, bytes: Array(bytes[place..<place + Int(count)]), length: Int(length))
    }

    private mutating func address() -> TransportAddress? {
        let ip: TransportAddress.IP
        switch number(1) {
        case 4:
            guard let value = number(4) else { return nil }
            ip = .v4(UInt32(truncatingIfNeeded: value))
        case 6:
            guard let high = number(8), let low = number(8) else { return nil }
            ip = .v6(high: high, low: low)
        default: return nil
        }
        return number(2).map { TransportAddress(ip: ip, port: UInt16(truncatingIfNeeded: $0)) }
    }
}
