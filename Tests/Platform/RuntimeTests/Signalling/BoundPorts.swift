// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import Glibc
import NIOCore
import NIOPosix

@testable import Runtime

/// The ports that this process has sockets bound to.
enum BoundPorts {
    /// Ports bound on an address, UDP and TCP; the descriptors themselves are asked.
    static func of(_ ip: TransportAddress.IP) -> Set<UInt16> {
        var ports: Set<UInt16> = []
        for descriptor in 0..<Int32(sysconf(Int32(_SC_OPEN_MAX))) {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            var endpoint = callmeter_endpoint()
            let isSocket = withUnsafeMutableBytes(of: &storage) { raw -> Bool in
                guard let base = raw.baseAddress else { return false }
                let result = getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &length)
                return result == 0 && callmeter_endpoint_read(base, &endpoint) == 1
            }
            if isSocket, TransportAddress(endpoint).ip == ip { ports.insert(endpoint.port) }
        }
        return ports
    }
}

/// An address of this machine at which nothing listens: bound a moment ago, closed again.
func unusedPort() async throws -> TransportAddress {
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: "127.0.0.1", port: 0).get()
    let port = UInt16(listener.localAddress?.port ?? 0)
    try await listener.close()
    return TransportAddress(127, 0, 0, 1, port: port)
}

/// A port of this machine that refuses everybody, UDP and TCP, and that nobody else can take meanwhile: its UDP socket hears one
/// peer only, which never speaks, so the system answers all others with ICMP, and its TCP socket does not listen.
final class RefusingPort {
    let address: TransportAddress
    private let descriptors: [Int32]

    init() throws {
        for _ in 0..<50 {
            let datagrams = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            let connections = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            if let port = Self.bind(datagrams, to: 0), Self.bind(connections, to: port) != nil, Self.deafen(datagrams) {
                address = TransportAddress(127, 0, 0, 1, port: port)
                descriptors = [datagrams, connections]
                return
            }
            close(datagrams)
            close(connections)
        }
        throw IOError(errnoCode: EADDRINUSE, reason: "no port is free for both UDP and TCP")
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        place.sin_port = port.bigEndian
        return place
    }

    /// The port that the socket is bound to now; nil when it is taken.
    private static func bind(_ descriptor: Int32, to port: UInt16) -> UInt16? {
        var place = loopback(port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutableBytes(of: &place) { bytes in
            let address = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress!
            return Glibc.bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
        }
        return isBound ? UInt16(bigEndian: place.sin_port) : nil
    }

    private static func deafen(_ descriptor: Int32) -> Bool {
        let discard = loopback(9)
        return withUnsafeBytes(of: discard) {
            let address = $0.assumingMemoryBound(to: sockaddr.self).baseAddress!
            return connect(descriptor, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
