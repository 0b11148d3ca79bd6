// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import CNet
import Glibc
import NIOPosix

/// Why a name or a route could not be found, in words for the user.
public struct ResolutionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The host name or address asked for.
    public let host: String
    /// What the system said.
    public let reason: String

    /// What could not be reached, and why.
    public var description: String { "cannot reach \"\(host)\": \(reason)".printable }
}

/// Names to addresses by the system's resolver, on a thread of its own so that no event loop waits for DNS.
public enum Resolver {
    /// The first address of `host`, a name or a numeric address (IPv6 with or without brackets).
    public static func resolve(host: String, port: UInt16) async throws -> TransportAddress {
        if let ip = TransportAddress.IP(unbracketed(host)) { return TransportAddress(ip: ip, port: port) }
        return try await NIOThreadPool.singleton.runIfActive { try lookUp(host, port) }
    }

    /// The address this machine would send from to reach `remote`; port 0.
    public static func localAddress(toward remote: TransportAddress) throws(ResolutionError) -> TransportAddress {
        var endpoint = remote.endpoint
        var local = callmeter_endpoint()
        let code = callmeter_route_source(&endpoint, &local)
        guard code == 0 else {
            throw ResolutionError(host: remote.description, reason: String(cString: strerror(code)))
        }
        return TransportAddress(ip: TransportAddress(local).ip, port: 0)
    }

    private static func unbracketed(_ host: String) -> Substring {
        host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : host[...]
    }

    private static func lookUp(_ host: String, _ port: UInt16) throws -> TransportAddress {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard code == 0 else { throw ResolutionError(host: host, reason: String(cString: gai_strerror(code))) }
        var entry = list
        var first: TransportAddress?
        while let current = entry {
            if let found = address(of: current.pointee, port) {
                // IPv4 first: SIP servers on dual-stack hosts often listen there only, and without RFC 3263 nothing says.
                if case .v4 = found.ip { return found }
                first = first ?? found
            }
            entry = current.pointee.ai_next
        }
        guard let first else { throw ResolutionError(host: host, reason: "the name has no IP address") }
        return first
    }

    private static func address(of entry: addrinfo, _ port: UInt16) -> TransportAddress? {
        var endpoint = callmeter_endpoint()
        guard let address = entry.ai_addr, callmeter_endpoint_read(address, &endpoint) == 1 else { return nil }
        return TransportAddress(ip: TransportAddress(endpoint).ip, port: port)
    }
}
