// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// One server: where requests go, and how.
public struct LocatedServer: Hashable, Sendable {
    /// Its address and port.
    public var address: TransportAddress
    /// How it is reached.
    public var transport: Transport

    /// A server from its parts.
    public init(address: TransportAddress, transport: Transport) {
        self.address = address
        self.transport = transport
    }
}

/// What RFC 3263 finds for a target: servers with their transports, priorities and weights.
public struct LocatedServers: Hashable, Sendable {
    /// One host that offers the service.
    struct Host: Hashable, Sendable {
        var priority: UInt16
        var weight: UInt16
        /// In the order in which they are tried.
        var addresses: [TransportAddress]
    }

    /// The hosts of one transport.
    struct Service: Hashable, Sendable {
        var transport: Transport
        var hosts: [Host]
    }

    /// At most this many servers are given to an endpoint: one that has tried so many will not be helped by more.
    public static let mostServers = 32

    /// The preferred one first.
    var services: [Service]
    /// How long this may be kept: the shortest life of the answers it was made from, in seconds.
    public internal(set) var ttl: UInt32

    /// Servers at known addresses of a target's host: at its port and over its transport, or the usual ones. Nil without an address.
    public init?(_ target: LocationTarget, at addresses: [TransportAddress.IP]) {
        guard !addresses.isEmpty else { return nil }
        let transport = target.chosen ?? target.defaultTransport
        let port = target.port ?? transport.defaultPort
        let host = Host(
            priority: 0, weight: 0, addresses: addresses.map { TransportAddress(ip: $0, port: port) })
        self.init(services: [Service(transport: transport, hosts: [host])], ttl: .max)
    }

    init(services: [Service], ttl: UInt32) {
        self.services = services
        self.ttl = ttl
    }

    /// The servers in the order in which one client tries them; never empty, no server twice.
    ///
    /// Hosts of one priority are drawn by weight (RFC 2782), anew at each call, so that many endpoints spread as the domain wants it.
    public func order(random: inout SeededRandom) -> [LocatedServer] {
        var result: [LocatedServer] = []
        var seen: Set<LocatedServer> = []
        for service in services {
            for host in Self.drawn(service.hosts, &random) {
                for address in host.addresses {
                    let server = LocatedServer(address: address, transport: service.transport)
                    guard result.count < Self.mostServers else { return result }
                    if seen.insert(server).inserted { result.append(server) }
                }
            }
        }
        return result
    }

    /// Every server once, without drawing.
    public var all: [LocatedServer] {
        services.flatMap { service in
            service.hosts.flatMap(\.addresses).map { LocatedServer(address: $0, transport: service.transport) }
        }
    }

    /// The same without the servers that `isUsable` refuses; nil when none is left.
    public func filtered(_ isUsable: (TransportAddress) -> Bool) -> LocatedServers? {
        var result = self
        result.services = services.compactMap { service in
            let hosts = service.hosts.compactMap { host -> Host? in
                let addresses = host.addresses.filter(isUsable)
                return addresses.isEmpty
                    ? nil : Host(priority: host.priority, weight: host.weight, addresses: addresses)
            }
            return hosts.isEmpty ? nil : Service(transport: service.transport, hosts: hosts)
        }
        return result.services.isEmpty ? nil : result
    }

    /// The order of RFC 2782, "Usage rules": priorities ascending; within one, drawn by weight.
    ///
    /// Those of weight 0 are listed first, where the draw of 0 falls to them: a small chance, as the RFC wants. Without any, 0 is not
    /// drawn: it would fall to whichever is listed first and bend small weights.
    private static func drawn(_ hosts: [Host], _ random: inout SeededRandom) -> [Host] {
        guard hosts.count > 1 else { return hosts }
        var result: [Host] = []
        for priority in Set(hosts.map(\.priority)).sorted() {
            let equals = hosts.filter { $0.priority == priority }
            var open = equals.filter { $0.weight == 0 }.shuffled(using: &random) + equals.filter { $0.weight > 0 }
            while open.count > 1 {
                let sum = open.reduce(UInt64(0)) { $0 + UInt64($1.weight) }
                let draw = UInt64.random(in: (open[0].weight == 0 ? 0 : 1)...sum, using: &random)
                var running: UInt64 = 0
                let place = open.firstIndex {
                    running += UInt64($0.weight)
                    return running >= draw
                }
                result.append(open.remove(at: place ?? 0))
            }
            result += open
        }
        return result
    }
}
