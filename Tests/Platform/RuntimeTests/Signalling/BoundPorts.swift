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
