// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import NIOCore
import NIOPosix
public import PBX
public import SIP
import Synchronization

/// A further listener of the built-in server.
public struct PBXListener: Hashable, Sendable {
    /// TCP, TLS, WS or WSS; one listener for each.
    public var transport: Transport
    /// Address and port; port 0 chooses a free one.
    public var address: TransportAddress

    /// A listener from its parts.
    public init(_ transport: Transport, _ address: TransportAddress) {
        self.transport = transport
        self.address = address
    }
}

/// The built-in SIP server on the wire: one event loop with UDP and TCP on the same port, and TLS, WS and WSS where asked for.
public final class PBXServer: Sendable {
    /// How often a free port is looked for that both UDP and TCP can have.
    private static let portAttempts = 16

    /// Where it listens, the port chosen if none was asked for.
    public let address: TransportAddress
    /// Where the further listeners are, in the order asked for.
    public let listeners: [PBXListener]

    private let group: MultiThreadedEventLoopGroup
    private let loop: any EventLoop
    private let shard: NIOLoopBound<PBXShard>
    private let media: MediaEngine
    private let isShutDown = Atomic(false)

    /// Listens and answers at once.
    ///
    /// - Parameters:
    ///   - accounts: who may register; their credentials lie in `secrets`, which must outlive the server.
    ///   - listen: address and port; port 0 chooses a free one.
    ///   - further: what else to listen on.
    ///   - security: the server's certificate; required with TLS and WSS.
    /// - Throws: the system's error when a port cannot be bound; `SecurityProblem` when the certificate cannot be used.
    public init(
        configuration: PBXConfiguration, accounts: [PBXAccount], secrets: SecretArena, listen: TransportAddress,
        further: [PBXListener] = [], security: ServerSecurity? = nil
    ) async throws {
        let context = try security.map { files in try ServerSecurityContext(files) }
        if context == nil, let one = further.first(where: { $0.transport.isSecured }) {
            throw SecurityProblem(description: "listening for \(one.transport.viaName) needs a certificate and its key")
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        do {
            let media = try MediaEngine(threads: 1)
            self.media = media
            let shard = try await loop.submit {
                let engine = PBXEngine(
                    configuration: configuration, accounts: accounts, secrets: secrets, hashes: .libcrypto,
                    random: .unpredictable())
                return NIOLoopBound(PBXShard(loop: loop, engine: engine, media: media), eventLoop: loop)
            }.get()
            do {
                address = try await Self.bind(shard, on: loop, listen: listen)
                var bound: [PBXListener] = []
                for one in further {
                    let local = try await loop.flatSubmit {
                        shard.value.listen(for: one.transport, on: one.address, security: context)
                    }.get()
                    bound.append(PBXListener(one.transport, local))
                }
                listeners = bound
            } catch {
                // What the shard has scheduled on its loop must not outlive it.
                try? await loop.flatSubmit { shard.value.stop() }.get()
                try? await NIOThreadPool.singleton.runIfActive { media.shutdown() }
                throw error
            }
            self.shard = shard
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        self.group = group
        self.loop = loop
    }

    /// What it has done so far; nil once it is shut down.
    public func statistics() async -> PBXStatistics? {
        guard !isShutDown.load(ordering: .acquiring) else { return nil }
        let shard = shard
        return try? await loop.submit { shard.value.statistics }.get()
    }

    /// How many accounts have a contact now; none once it is shut down.
    public func registeredAccounts() async -> Int {
        guard !isShutDown.load(ordering: .acquiring) else { return 0 }
        let shard = shard
        return (try? await loop.submit { shard.value.registeredAccounts }.get()) ?? 0
    }

    /// Stops at once, as a killed server does: nothing is said to anybody. A second call does nothing.
    public func shutdown() async {
        guard !isShutDown.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let shard = shard
        try? await loop.flatSubmit { shard.value.stop() }.get()
        let media = media
        try? await NIOThreadPool.singleton.runIfActive { media.shutdown() }
        try? await group.shutdownGracefully()
    }

    private static func bind(
        _ shard: NIOLoopBound<PBXShard>, on loop: any EventLoop, listen: TransportAddress
    ) async throws -> TransportAddress {
        let advertised = advertisedAddress(of: listen)
        for attempt in 1... {
            do {
                return try await loop.flatSubmit {
                    do {
                        return try shard.value.listen(on: listen, advertised: advertised)
                    } catch {
                        return loop.makeFailedFuture(error)
                    }
                }.get()
            } catch {
                // The port that UDP was given may be taken for TCP; another one is tried only when the choice is ours.
                guard listen.port == 0, attempt < portAttempts else { throw error }
                try await loop.flatSubmit { shard.value.unbind() }.get()
            }
        }
        preconditionFailure("the loop above ends by return or throw")
    }

    /// What peers are told: the address listened on, or for "any" the one toward the outside, or loopback where there is none.
    private static func advertisedAddress(of listen: TransportAddress) -> TransportAddress.IP {
        guard listen.isUnspecified else { return listen.ip }
        // An address of RFC 5737's documentation range: the routing table is asked, nothing is sent.
        let outside = TransportAddress(192, 0, 2, 1, port: 9)
        return (try? Resolver.localAddress(toward: outside).ip) ?? TransportAddress(127, 0, 0, 1, port: 0).ip
    }
}
