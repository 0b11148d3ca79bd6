// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Foundation
import NIOCore
import NIOPosix

@testable import Runtime

/// The ports that sockets of this machine are bound to, as the kernel lists them.
enum BoundPorts {
    static func udp() -> Set<UInt16> { read("/proc/self/net/udp") }

    private static func read(_ path: String) -> Set<UInt16> {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return Set(
            text.split(separator: "\n").dropFirst().compactMap { line in
                let local = line.split(separator: " ").dropFirst().first
                return local?.split(separator: ":").last.flatMap { UInt16($0, radix: 16) }
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
