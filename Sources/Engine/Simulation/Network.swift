// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// Sockets and connections between the endpoints and the server.
struct Network {
    static let serverFlow = FlowID(raw: 0)
    private static let firstAddress: UInt32 = 0x0A00_0100

    /// What a flow of an endpoint or of a whole shard is.
    struct Link {
        var shard: Int
        var address: TransportAddress
        /// The connection it is, nil for a UDP socket.
        var connection: Int?
        var isOpen = true
        /// The endpoint does not want it any more.
        var isGivenUp = false
    }

    /// A TCP connection. Its bytes come in order, in pieces cut anywhere.
    struct Connection {
        var link: Int
        var serverFlow: FlowID
        var isOpen = true
        var toServer = Pipe()
        var toEndpoint = Pipe()
    }

    /// One way of a connection.
    struct Pipe {
        var framer = StreamFramer()
        /// When the last piece arrives; none overtakes it.
        var last = Instant.zero
    }

    /// The servers of the domain in the order to try them; one of them is there at a time.
    static let servers = [TransportAddress(10, 255, 0, 1, port: 5060), TransportAddress(10, 255, 0, 2, port: 5060)]

    private(set) var server = Network.servers[0]
    var links: [Link] = []
    var connections: [Connection] = []
    private var connectionOfServerFlow: [FlowID: Int] = [:]
    private var nextServerFlow: UInt32 = 1
    /// The shared socket of each shard, when sockets are shared.
    private var shared: [Int] = []
    private var linkOfEndpoint: [Int32] = []

    init(_ plan: SimulationPlan) {
        guard plan.sharesSockets else { return }
        shared = (0..<plan.shards).map { $0 }
        for shard in 0..<plan.shards { addLink(shard: shard) }
    }

    /// The link that an endpoint uses, and its transport.
    mutating func link(for index: Int, _ plan: SimulationPlan) -> (Int, Transport) {
        let (link, transport) = newLink(for: index, plan)
        linkOfEndpoint.append(Int32(link))
        return (link, transport)
    }

    /// The link that an endpoint was given last.
    func link(of endpoint: Int) -> Int { Int(linkOfEndpoint[endpoint]) }

    private mutating func newLink(for index: Int, _ plan: SimulationPlan) -> (Int, Transport) {
        let shard = index % plan.shards
        if plan.streamEvery > 0, index % plan.streamEvery == 0 {
            addLink(shard: shard)
            return (links.count - 1, .tcp)
        }
        if !shared.isEmpty { return (shared[shard], .udp) }
        addLink(shard: shard)
        return (links.count - 1, .udp)
    }

    /// Each link has an address of its own.
    mutating func addLink(shard: Int) {
        let ip = TransportAddress.IP.v4(Self.firstAddress + UInt32(links.count))
        links.append(Link(shard: shard, address: TransportAddress(ip: ip, port: 5060)))
    }

    /// The link that has an address.
    func link(at address: TransportAddress) -> Int? {
        guard case .v4(let value) = address.ip, value >= Self.firstAddress, address.port == 5060 else { return nil }
        let link = Int(value - Self.firstAddress)
        return link < links.count ? link : nil
    }

    /// The server goes to its other address.
    mutating func moveServer() { server = Self.servers[server == Self.servers[0] ? 1 : 0] }

    /// A new link for an endpoint whose earlier one failed; not open yet.
    mutating func addLink(for endpoint: Int, shard: Int) -> Int {
        addLink(shard: shard)
        links[links.count - 1].isOpen = false
        linkOfEndpoint[endpoint] = Int32(links.count - 1)
        return links.count - 1
    }

    /// A new connection on a link; the server's number of it.
    mutating func connect(_ link: Int) -> FlowID {
        let flow = FlowID(raw: nextServerFlow)
        nextServerFlow += 1
        connections.append(Connection(link: link, serverFlow: flow))
        links[link].connection = connections.count - 1
        connectionOfServerFlow[flow] = connections.count - 1
        return flow
    }

    func connection(of serverFlow: FlowID) -> Int? { connectionOfServerFlow[serverFlow] }
}
