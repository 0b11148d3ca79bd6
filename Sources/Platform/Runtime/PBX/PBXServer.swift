// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import NIOCore
import NIOPosix
public import PBX
import SIP
import Synchronization

/// The built-in SIP server on the wire: one event loop with UDP and TCP on the same port.
public final class PBXServer: Sendable {
    /// How often a free port is looked for that both UDP and TCP can have.
    private static let portAttempts = 16

    /// Where it listens, the port chosen if none was asked for.
    public let address: TransportAddress

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
    /// - Throws: the system's error when the port cannot be bound.
    public init(
        configuration: PBXConfiguration, accounts: [PBXAccount], secrets: SecretArena, listen: TransportAddress
    ) async throws {
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
