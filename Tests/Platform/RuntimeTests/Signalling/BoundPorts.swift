// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Foundation
import NIOCore
import NIOPosix

@testable import Runtime

/// The ports that sockets of this machine are bound to, as the kernel lists them.
enum BoundPorts {
    /// UDP ports bound on an IPv4 address.
    static func udp(on address: TransportAddress = TransportAddress(127, 0, 0, 1, port: 0)) -> Set<UInt16> {
        guard case .v4(let value) = address.ip,
            let text = try? String(contentsOfFile: "/proc/self/net/udp", encoding: .utf8)
        else { return [] }
        // The kernel prints the address in network order as a number of this machine.
        let wanted = String(value.bigEndian, radix: 16, uppercase: true)
        let padded = String(repeating: "0", count: 8 - wanted.count) + wanted
        return Set(
            text.split(separator: "\n").dropFirst().compactMap { line in
                let local = line.split(separator: " ").dropFirst().first?.split(separator: ":") ?? []
                return local.count == 2 && local[0] == padded ? UInt16(local[1], radix: 16) : nil
            })
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
