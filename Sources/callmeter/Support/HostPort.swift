// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Runtime

/// `HOST:PORT` as people write it: a name, an IPv4 address, or an IPv6 address in brackets.
struct HostPort: Equatable {
    var host: String
    var port: UInt16?

    /// Reads `HOST`, `HOST:PORT`, `[ADDRESS]:PORT` or a bare IPv6 address. Nil for anything else.
    init?(_ text: String) {
        guard !text.isEmpty, !text.contains(where: { $0 == "/" || $0 == "@" || $0 == " " }) else { return nil }
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            guard !rest.isEmpty else { return }
            guard rest.first == ":", let number = UInt16(rest.dropFirst()) else { return nil }
            port = number
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: host = text
        case 2:
            guard let number = UInt16(parts[1]), !parts[0].isEmpty else { return nil }
            host = String(parts[0])
            port = number
        default: host = text
        }
    }

    /// The address, the name looked up. Throws a usage failure where there is none.
    func resolve(usualPort: UInt16) async throws -> TransportAddress {
        do {
            return try await Resolver.resolve(host: host, port: port ?? usualPort)
        } catch let error as ResolutionError {
            throw CommandFailure(.unreachable, error.description)
        }
    }

    /// Whether it names this machine only.
    var isLoopback: Bool {
        if host == "localhost" { return true }
        return TransportAddress.IP(host).map { TransportAddress(ip: $0, port: 0).isLoopback } ?? false
    }
}
