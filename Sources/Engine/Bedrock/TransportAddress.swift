// SPDX-License-Identifier: Apache-2.0

/// An IP address and a port; no name, no scope.
public struct TransportAddress: Hashable, Sendable {
    /// An IPv4 or IPv6 address.
    public enum IP: Hashable, Sendable {
        /// IPv4, the first octet in the highest byte.
        case v4(UInt32)
        /// IPv6, in two halves.
        case v6(high: UInt64, low: UInt64)
    }

    /// The address.
    public var ip: IP
    /// The port, 0 when not chosen yet.
    public var port: UInt16

    /// An address from its parts.
    @inlinable public init(ip: IP, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// An IPv4 address from four octets.
    @inlinable public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, port: UInt16) {
        self.init(ip: .v4(UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)), port: port)
    }

    /// Whether it stays on this machine (127.0.0.0/8 or ::1).
    public var isLoopback: Bool {
        switch ip {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}

extension ByteWriter {
    /// Appends an address as a host in a URI or Via: dotted quad, or IPv6 in brackets (RFC 3261 §25.1).
    public mutating func append(host ip: TransportAddress.IP) {
        switch ip {
        case .v4(let value):
            append(decimal: UInt64(value >> 24))
            append(0x2E)
            append(decimal: UInt64(value >> 16 & 255))
            append(0x2E)
            append(decimal: UInt64(value >> 8 & 255))
            append(0x2E)
            append(decimal: UInt64(value & 255))
        case .v6:
            append(0x5B)
            append(string: ip.text)
            append(0x5D)
        }
    }

    /// Appends `host:port`.
    public mutating func append(address: TransportAddress) {
        append(host: address.ip)
        append(0x3A)
        append(decimal: UInt64(address.port))
    }
}
