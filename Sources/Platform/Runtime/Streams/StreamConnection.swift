// SPDX-License-Identifier: Apache-2.0

import Bedrock
import NIOCore
import NIOPosix
import NIOTLS
import RunMetrics
import SIP

/// One connection of one event loop, ours or accepted: TCP or TLS, cut into messages (RFC 3261 §18.3), or a WebSocket with one
/// message in each of its own (RFC 7118).
final class StreamConnection<Owner: FlowOwner>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long a connection may take until messages can go, TLS and the request for a WebSocket included: well below timer F.
    private static var setupTime: TimeAmount { .seconds(10) }
    /// Bytes waiting for a peer that does not read; past that the connection is given up.
    private static var outboundLimit: Int { 1024 * 1024 }

    let flow: FlowID
    private unowned let owner: Owner
    private var transport = Transport.tcp
    private var phase = StreamPhase.connecting
    private var channel: (any Channel)?
    private var framer = StreamFramer()
    private var remote = TransportAddress(0, 0, 0, 0, port: 0)
    private var outbound = ByteBuffer()
    /// Where each message of `outbound` ends, on a WebSocket.
    private var boundaries: [Int] = []
    private var isClosing = false
    private var hasFailed = false
    private var hasHeard = false
    private var failure: StreamFailure?
    private var setupTimer: Scheduled<Void>?
    private var ready: EventLoopPromise<Void>?
    /// Where others wait until this one is set up.
    private var gate: SetupGate?
    private var hasStarted = false

    init(flow: FlowID, owner: Owner) {
        self.flow = flow
        self.owner = owner
    }

    // MARK: Setting up

    /// Connects; the owner hears `opened` or `failed` before the future is done, which never fails.
    ///
    /// - Parameters:
    ///   - security: how TLS and the request for a WebSocket are made; required with TLS.
    ///   - gate: where it waits for its turn; nil for none.
    func connect(
        to remote: TransportAddress, from local: TransportAddress, transport: Transport = .tcp,
        security: SecurityContext? = nil, gate: SetupGate? = nil, on loop: any EventLoop
    ) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        ready = promise
        self.transport = transport
        self.remote = remote
        self.gate = gate
        if let gate {
            gate.enter { self.start(from: local, security, on: loop) }
        } else {
            start(from: local, security, on: loop)
        }
        return promise.futureResult
    }

    private func start(from local: TransportAddress, _ security: SecurityContext?, on loop: any EventLoop) {
        hasStarted = true
        guard !isClosing else { return leaveGate() }
        limitSetup(on: loop)
        let bound = NIOLoopBound(self, eventLoop: loop)
        do {
            ClientBootstrap(group: loop)
                .connectTimeout(Self.setupTime)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .bind(to: try local.socketAddress)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try bound.value.assemble(channel, security) }
                }
                .connect(to: try remote.socketAddress)
                .whenFailure { error in bound.value.fail(StreamFailure(error, in: .connecting)) }
        } catch {
            fail(StreamFailure(error, in: .connecting))
        }
    }

    private func leaveGate() {
        let isSilent = failure?.fault == .connectTimeout
        let gate = self.gate
        self.gate = nil
        gate?.leave(isSilent: isSilent)
    }

    /// The client's pipeline.
    private func assemble(_ channel: any Channel, _ security: SecurityContext?) throws {
        guard !isClosing else { throw ChannelError.alreadyClosed }
        self.channel = channel
        let pipeline = channel.pipeline.syncOperations
        if transport.isSecured {
            guard let security else { throw SecurityProblem(description: "no security profile") }
            try pipeline.addHandler(
                security.handler { [weak self] problem in
                    self?.refuse(StreamFailure(fault: problem.fault, detail: problem.detail))
                })
        }
        guard transport.isWebSocket else { return try pipeline.addHandler(self) }
        let name = security?.profile.serverName ?? ""
        try WebSocketOpening.add(
            to: channel, for: self, host: name.isEmpty ? "\(remote)" : "\(name):\(remote.port)",
            path: security?.profile.webSocketPath ?? "/")
    }

    /// The pipeline of a connection that a listener accepted.
    func accept(_ channel: any Channel, transport: Transport, security: ServerSecurityContext?) throws {
        self.transport = transport
        self.channel = channel
        limitSetup(on: channel.eventLoop)
        let pipeline = channel.pipeline.syncOperations
        if transport.isSecured {
            guard let security else { throw SecurityProblem(description: "no certificate") }
            try pipeline.addHandler(security.handler())
        }
        if transport.isWebSocket {
            try WebSocketAccepting.add(to: channel, for: self)
        } else {
            try pipeline.addHandler(self)
        }
    }

    private func limitSetup(on loop: any EventLoop) {
        let bound = NIOLoopBound(self, eventLoop: loop)
        setupTimer = loop.scheduleTask(in: Self.setupTime) { bound.value.setupTimedOut() }
    }

    private func setupTimedOut() {
        setupTimer = nil
        refuse(.timedOut(in: phase))
        channel?.close(mode: .all, promise: nil)
        // A TLS handler first waits for the peer to close, which this one has shown not to do.
        settle()
    }

    /// TCP is up.
    func connected(_ channel: any Channel) {
        phase = transport.isSecured ? .securing : .upgrading
        if isClosing { channel.close(promise: nil) }
    }

    /// Messages may go.
    func open(_ channel: any Channel) {
        guard phase != .open, !hasFailed else { return }
        guard !isClosing, channel.isActive else { return channel.close(promise: nil) }
        guard let near = channel.localAddress, let far = channel.remoteAddress,
            let local = TransportAddress(near), let remote = TransportAddress(far)
        else { return channel.close(promise: nil) }
        phase = .open
        self.remote = remote
        setupTimer?.cancel()
        setupTimer = nil
        owner.opened(flow, local: local, remote: remote)
        ready?.succeed()
        ready = nil
        leaveGate()
    }

    /// Remembers why the connection is about to be closed; the first reason stays.
    func refuse(_ failure: StreamFailure) {
        if self.failure == nil { self.failure = failure }
    }

    // MARK: Sending

    /// Takes a message for the next flush. Answers whether it is the first since the last one.
    func write(_ message: UnsafeRawBufferPointer) -> Bool {
        let isFirst = outbound.readableBytes == 0
        outbound.writeBytes(message)
        if transport.isWebSocket { boundaries.append(outbound.writerIndex) }
        return isFirst
    }

    /// Hands what was written to the system.
    func flush() {
        guard outbound.readableBytes > 0 else { return }
        defer {
            outbound = ByteBuffer()
            boundaries.removeAll(keepingCapacity: true)
        }
        guard let channel, phase == .open, channel.isActive else { return }
        if transport.isWebSocket {
            for boundary in boundaries {
                guard let message = outbound.readSlice(length: boundary - outbound.readerIndex) else { break }
                channel.write(message, promise: nil)
            }
            channel.flush()
        } else {
            channel.writeAndFlush(outbound, promise: nil)
        }
        let waiting = try? channel.syncOptions?.getOption(.bufferedWritableBytes)
        if let waiting, waiting > Self.outboundLimit { channel.close(promise: nil) }
    }

    /// Closes the connection; the future is done when the descriptor is gone.
    func close(on loop: any EventLoop) -> EventLoopFuture<Void> {
        isClosing = true
        settle()
        guard let channel else { return loop.makeSucceededVoidFuture() }
        let closed = channel.closeFuture
        channel.close(promise: nil)
        return closed
    }

    // MARK: Receiving

    func channelActive(context: ChannelHandlerContext) {
        if transport.isSecured {
            connected(context.channel)
        } else {
            open(context.channel)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted:
            if transport.isWebSocket {
                phase = .upgrading
            } else {
                open(context.channel)
            }
        case is WebSocketPong: owner.ponged(flow)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        open(context.channel)
        guard !isClosing else { return }
        if transport.isWebSocket { return takeMessage(buffer, context) }
        if !hasHeard, !transport.isSecured, let failure = StreamFailure.foreign(buffer.readableBytesView) {
            refuse(failure)
            return context.close(promise: nil)
        }
        hasHeard = true
        buffer.withUnsafeReadableBytes { framer.append($0) }
        do {
            while !isClosing, let frame = try framer.next() {
                switch frame {
                case .message(let message): message.withBytes { owner.received($0, flow: flow, source: remote) }
                case .ping: context.writeAndFlush(wrapOutboundOut(ByteBuffer(staticString: "\r\n")), promise: nil)
                case .pong: owner.ponged(flow)
                }
            }
        } catch {
            // What follows cannot be told apart from a body any more.
            refuse(
                StreamFailure(
                    fault: .reset, detail: "the peer sent what is no SIP message, and the connection was given up"))
            context.close(promise: nil)
        }
    }

    private func takeMessage(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        // RFC 5626's keep-alive as a message of its own: a double line end asks, a single one answers.
        guard buffer.readableBytesView.isLineEnds else {
            return buffer.withUnsafeReadableBytes { owner.received($0, flow: flow, source: remote) }
        }
        if buffer.readableBytes > 2 {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(staticString: "\r\n")), promise: nil)
        } else {
            owner.ponged(flow)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if phase == .open { owner.readCycleEnded() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        refuse(StreamFailure(error, in: phase))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        channel = nil
        settle()
        if !isClosing { fail(failure ?? .closed(in: phase)) }
    }

    // MARK: The end

    private func fail(_ failure: StreamFailure) {
        refuse(failure)
        settle()
    }

    /// Tells the failure, where there is one, and ends the wait for the connection.
    private func settle() {
        setupTimer?.cancel()
        setupTimer = nil
        if !isClosing, !hasFailed, let failure {
            hasFailed = true
            owner.failed(flow, fault: failure.fault, detail: failure.detail)
        }
        ready?.succeed()
        ready = nil
        // One that was closed while it waited leaves when its turn comes.
        if hasStarted { leaveGate() }
    }
}
