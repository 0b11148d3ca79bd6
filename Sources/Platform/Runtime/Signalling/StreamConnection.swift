// SPDX-License-Identifier: Apache-2.0

import Bedrock
import NIOCore
import NIOPosix
import RunMetrics
import SIP

/// One TCP connection of one event loop, ours or accepted; cuts the stream into messages (RFC 3261 §18.3).
final class StreamConnection<Owner: FlowOwner>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long a connection attempt may take: two retransmissions of SYN, well below timer F.
    private static var connectTimeout: TimeAmount { .seconds(10) }
    /// Bytes waiting for a peer that does not read; past that the connection is given up.
    private static var outboundLimit: Int { 1024 * 1024 }

    let flow: FlowID
    private unowned let owner: Owner
    private var channel: (any Channel)?
    private var framer = StreamFramer()
    private var remote = TransportAddress(0, 0, 0, 0, port: 0)
    private var outbound = ByteBuffer()
    private var isClosing = false
    private var hasFailed = false
    private var fault = TransportFault.reset

    init(flow: FlowID, owner: Owner) {
        self.flow = flow
        self.owner = owner
    }

    /// Connects; the owner hears `opened` or `failed` before the future is done, which never fails.
    func connect(
        to remote: TransportAddress, from local: TransportAddress, on loop: any EventLoop
    ) -> EventLoopFuture<Void> {
        let bound = NIOLoopBound(self, eventLoop: loop)
        do {
            return ClientBootstrap(group: loop)
                .connectTimeout(Self.connectTimeout)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .bind(to: try local.socketAddress)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(bound.value)
                    }
                }
                .connect(to: try remote.socketAddress)
                .map { _ in }
                .flatMapErrorThrowing { error in bound.value.fail(TransportFault(error)) }
        } catch {
            fail(TransportFault(error))
            return loop.makeSucceededVoidFuture()
        }
    }

    // MARK: Sending

    /// Takes a message for the next flush. Answers whether it is the first since the last one.
    func write(_ message: UnsafeRawBufferPointer) -> Bool {
        let isFirst = outbound.readableBytes == 0
        outbound.writeBytes(message)
        return isFirst
    }

    /// Hands what was written to the system.
    func flush() {
        guard outbound.readableBytes > 0 else { return }
        defer { outbound = ByteBuffer() }
        guard let channel, channel.isActive else { return }
        channel.writeAndFlush(outbound, promise: nil)
        let waiting = try? channel.syncOptions?.getOption(.bufferedWritableBytes)
        if let waiting, waiting > Self.outboundLimit { channel.close(promise: nil) }
    }

    /// Closes the connection; the future is done when the descriptor is gone.
    func close(on loop: any EventLoop) -> EventLoopFuture<Void> {
        isClosing = true
        guard let channel else { return loop.makeSucceededVoidFuture() }
        let closed = channel.closeFuture
        channel.close(promise: nil)
        return closed
    }

    // MARK: Receiving

    func channelActive(context: ChannelHandlerContext) {
        channel = context.channel
        guard !isClosing else { return context.close(promise: nil) }
        guard let near = context.channel.localAddress, let far = context.channel.remoteAddress,
            let local = TransportAddress(near), let remote = TransportAddress(far)
        else { return context.close(promise: nil) }
        self.remote = remote
        owner.opened(flow, local: local, remote: remote)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
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
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { owner.readCycleEnded() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fault = TransportFault(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        channel = nil
        fail(fault)
    }

    private func fail(_ fault: TransportFault) {
        guard !isClosing, !hasFailed else { return }
        hasFailed = true
        owner.failed(flow, fault: fault, detail: nil)
    }
}
