// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock
import Runtime
import SIP

/// How commands find the servers of a domain.
struct LookUpOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The DNS server to ask, in place of the system's.", valueName: "address:port"))
    var dns: String?

    func validate() throws {
        guard let dns else { return }
        guard let address = TransportAddress(dns, usualPort: ServerRequest.dnsPort), address.port > 0 else {
            throw ValidationError("--dns is the address of a DNS server, like 192.0.2.53 or 127.0.0.1:5353")
        }
    }

    /// The servers of a host.
    ///
    /// - Parameter transport: a word; nil and "auto" leave it to the DNS where the host is a name without a port.
    func servers(host: String, port: UInt16?, transport: String?) async throws -> FoundServers {
        var request = ServerRequest(
            host: host, port: port, dns: dns.flatMap { TransportAddress($0, usualPort: ServerRequest.dnsPort) })
        if let transport, transport != "auto" { request.transport = try Transport(word: transport) }
        do {
            return try await ServerLocator().locate(request)
        } catch {
            throw CommandFailure(.unreachable, error.description)
        }
    }
}
