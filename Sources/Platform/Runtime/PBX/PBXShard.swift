// SPDX-License-Identifier: Apache-2.0

import Bedrock
import NIOCore
import NIOPosix
import PBX
import RunMetrics
import SIP

/// The built-in server on one event loop: feeds the engine, drains it, does what it wants. Confined to its loop.
final class PBXShard: FlowOwner {
    /// Connections that may wait to be taken: endpoints of a load test come all at once.
    private static var backlog: CInt { 4096 }

    private let loop: any EventLoop
    private let engine: PBXEngine
    private let flows: FlowTable<PBXShard>
    private let wakeUp: WakeUp
    private let media: PBXMedia
    private var advertised = TransportAddress(127, 0, 0, 1, port: 0)
    private var listeners: [any Channel] = []
    /// Where peers reach the server by each transport of connections.
    private var ports: [Transport: UInt16] = [:]
    private var transports: [FlowID: Transport] = [:]
    private var isDraining = false
    private var isStopped = false

    init(loop: any EventLoop, engine: PBXEngine, media: MediaEngine) {
        self.media = PBXMedia(engine: media)
        self.loop = loop
        self.engine = engine
        flows = FlowTable(loop: loop)
        wakeUp = WakeUp(loop: loop)
        wakeUp.onWake = { [unowned self] in self.wake() }
    }

    // MARK: Listening

    /// Binds UDP and TCP to the same port; the future tells the address bound.
    func listen(on address: TransportAddress, advertised: TransportAddress.IP) throws -> EventLoopFuture<
        TransportAddress
    > {
        try flows.openDatagram(address, use: .shared, owner: self).assumeIsolated().flatMap { flow, local in
            self.advertised = TransportAddress(ip: advertised, port: local.port)
            self.engine.flowOpened(flow, transport: .udp, local: self.advertised)
            return self.listen(for: .tcp, on: local, security: nil)
        }.nonisolated()
    }

    /// Listens for connections on one transport; the future tells the address bound.
    func listen(
        for transport: Transport, on address: TransportAddress, security: ServerSecurityContext?
    ) -> EventLoopFuture<TransportAddress> {
        let bound = NIOLoopBound(self, eventLoop: loop)
        do {
            return ServerBootstrap(group: loop, childGroup: loop)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.backlog, value: Self.backlog)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try bound.value.accept(channel, transport, security)
                    }
                }
                .bind(to: try address.socketAddress)
                .flatMapThrowing { listener in
                    guard let local = listener.localAddress.flatMap({ TransportAddress($0) }) else {
                        throw ChannelError.unknownLocalAddress
                    }
                    bound.value.listeners.append(listener)
                    bound.value.ports[transport] = local.port
                    return local
                }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    private func accept(_ channel: any Channel, _ transport: Transport, _ security: ServerSecurityContext?) throws {
        let flow = try flows.accept(channel, transport: transport, security: security, owner: self)
        transports[flow] = transport
    }

    /// Closes the listeners, every connection and socket; the future is done when no descriptor is left.
    func stop() -> EventLoopFuture<Void> {
        guard !isStopped else { return loop.makeSucceededVoidFuture() }
        isStopped = true
        wakeUp.stop()
        media.stop()
        // First of all nobody can come back: a phone connects again as soon as its connection ends.
        var closing = listeners.map(\.closeFuture)
        for listener in listeners { listener.close(promise: nil) }
        listeners = []
        closing.append(flows.closeAll())
        return EventLoopFuture.andAllComplete(closing, on: loop)
    }

    /// Gives the ports of a failed attempt back, so that another one can be tried.
    func unbind() -> EventLoopFuture<Void> { flows.closeAll() }

    // MARK: State

    var statistics: PBXStatistics { engine.statistics }

    var registeredAccounts: Int { engine.registeredAccounts(at: SystemClock.now()) }

    // MARK: In

    func received(_ message: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress) {
        engine.receive(message, flow: flow, source: source, now: SystemClock.now())
    }

    func readCycleEnded() { drain(now: SystemClock.now()) }

    func refused(_ fault: TransportFault, flow: FlowID, destination: TransportAddress) {
        // A contact that cannot be reached ends by the transaction's own timers, as with any server.
    }

    func opened(_ flow: FlowID, local: TransportAddress, remote: TransportAddress) {
        let transport = transports[flow] ?? .tcp
        let port = ports[transport] ?? advertised.port
        engine.flowOpened(flow, transport: transport, local: TransportAddress(ip: advertised.ip, port: port))
    }

    func ponged(_ flow: FlowID) {}

    func failed(_ flow: FlowID, fault: TransportFault, detail: String?) {
        guard !isStopped else { return }
        let now = SystemClock.now()
        flows.forget(flow)
        transports[flow] = nil
        engine.flowClosed(flow, now: now)
        drain(now: now)
    }

    private func wake() {
        guard !isStopped else { return }
        let now = SystemClock.now()
        engine.advance(to: now)
        drain(now: now)
    }

    // MARK: Out

    private func drain(now: Instant) {
        guard !isDraining, !isStopped else { return }
        isDraining = true
        let transmissions = engine.transmissions
        engine.withOutgoing { base in
            for transmission in transmissions {
                flows.queue(
                    transmission.range, flow: transmission.flow, destination: transmission.destination, base: base)
            }
            flows.flush(base: base)
        }
        let outputs = engine.outputs
        engine.removeOutputs()
        isDraining = false
        for output in outputs { perform(output, now: now) }
        if !engine.transmissions.isEmpty || !engine.outputs.isEmpty { drain(now: now) }
        wakeUp.follow(engine.nextDeadline)
    }

    private func perform(_ output: PBXOutput, now: Instant) {
        switch output {
        case .needMediaPort(let call):
            if let rtp = media.reserve(call, ip: advertised.ip) {
                engine.mediaReady(call: call, rtp: rtp, now: now)
            } else {
                engine.mediaUnavailable(call: call, now: now)
            }
        case .openMedia(let call, let kind, let audio): media.open(call, kind, audio)
        case .updateMedia(let call, let audio): media.update(call, audio)
        case .closeMedia(let call): media.close(call)
        }
    }
}
