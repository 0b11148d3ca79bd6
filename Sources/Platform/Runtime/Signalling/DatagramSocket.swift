// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import NIOCore
import NIOPosix
import RunMetrics
import SIP

/// A server's unconnected UDP socket on an event loop. NIO reads it in batches; sends go through the shim, straight from
/// the engine's output buffer and many in one call.
///
/// IP_RECVERR stays off here: NIO (2.x) traps when a datagram socket's error queue holds anything but "connection
/// refused". A server does without: contacts that are gone end by the transactions' own timers.
final class DatagramSocket<Owner: FlowOwner>: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    /// Whether a socket serves one endpoint or all of a shard.
    enum Use { case endpoint, shared }

    /// The largest UDP payload over IPv4; a smaller read buffer would cut messages silently. Untouched pages cost nothing.
    private static var largestDatagram: Int { 65_536 }
    /// Datagrams per read call on a shared socket: past 32 the saving per datagram is lost in noise.
    private static var datagramsPerRead: Int { 32 }
    /// What is asked for a shared socket; the system caps it at net.core.rmem_max.
    private static var sharedReceiveBuffer: Int { 4 * 1024 * 1024 }

    let flow: FlowID
    private unowned let owner: Owner
    private var channel: (any Channel)?
    /// The channel's descriptor, -1 when it is closed; used on the event loop only.
    private var descriptor: CInt = -1
    private var isClosing = false

    init(flow: FlowID, owner: Owner) {
        self.flow = flow
        self.owner = owner
    }

    /// Binds on `loop`, the caller's own loop; the future tells the bound address.
    func open(_ local: TransportAddress, use: Use, on loop: any EventLoop) throws -> EventLoopFuture<TransportAddress> {
        let bound = NIOLoopBound(self, eventLoop: loop)
        var bootstrap = DatagramBootstrap(group: loop)
            .channelOption(.autoRead, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
        switch use {
        case .shared:
            let room = Self.largestDatagram * Self.datagramsPerRead
            bootstrap =
                bootstrap
                .channelOption(.datagramVectorReadMessageCount, value: Self.datagramsPerRead)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: room))
                .channelOption(.socketOption(.so_rcvbuf), value: Self.sharedReceiveBuffer)
                .channelOption(.socketOption(.so_sndbuf), value: Self.sharedReceiveBuffer)
        case .endpoint:
            bootstrap = bootstrap.channelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.largestDatagram))
        }
        return bootstrap.bind(to: try local.socketAddress).flatMapThrowing { channel in
            try bound.value.attach(channel)
        }
    }

    private func attach(_ channel: any Channel) throws -> TransportAddress {
        self.channel = channel
        descriptor =
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
            ?? -1
        guard let address = channel.localAddress, let local = TransportAddress(address) else {
            throw ChannelError.unknownLocalAddress
        }
        return local
    }

    /// Sends datagrams of the buffer at `base`, in order. One that the system refuses is reported and skipped; when its
    /// buffer is full the rest goes through NIO, which waits for room.
    func send(_ datagrams: UnsafeBufferPointer<callmeter_datagram>, base: UnsafeRawPointer) {
        var rest = datagrams[...]
        while !rest.isEmpty, descriptor >= 0 {
            let remaining = UnsafeBufferPointer(rebasing: rest)
            var code: CInt = 0
            let sent = callmeter_datagrams_send(descriptor, base, remaining.baseAddress, CInt(remaining.count), &code)
            rest = rest.dropFirst(Int(sent))
            guard code != 0, let stopped = rest.first else { return }
            if code == EAGAIN || code == ENOBUFS {
                return queue(rest, base: base)
            }
            rest = rest.dropFirst()
            owner.refused(
                TransportFault(errno: code), flow: flow, destination: TransportAddress(stopped.destination))
        }
    }

    private func queue(_ datagrams: Swift.Slice<UnsafeBufferPointer<callmeter_datagram>>, base: UnsafeRawPointer) {
        guard let channel else { return }
        for datagram in datagrams {
            guard let address = try? TransportAddress(datagram.destination).socketAddress else { continue }
            let bytes = UnsafeRawBufferPointer(start: base + Int(datagram.offset), count: Int(datagram.length))
            let buffer = channel.allocator.buffer(bytes: bytes)
            channel.write(AddressedEnvelope(remoteAddress: address, data: buffer), promise: nil)
        }
        channel.flush()
    }

    /// Closes the socket; the future is done when the descriptor is gone.
    func close(on loop: any EventLoop) -> EventLoopFuture<Void> {
        isClosing = true
        descriptor = -1
        guard let channel else { return loop.makeSucceededVoidFuture() }
        let closed = channel.closeFuture
        channel.close(promise: nil)
        return closed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let source = TransportAddress(envelope.remoteAddress) else { return }
        envelope.data.withUnsafeReadableBytes { owner.received($0, flow: flow, source: source) }
    }

    func channelReadComplete(context: ChannelHandlerContext) { owner.readCycleEnded() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What NIO cannot go on from it closes itself, which channelInactive reports.
    }

    func channelInactive(context: ChannelHandlerContext) {
        descriptor = -1
        channel = nil
        if !isClosing { owner.failed(flow, fault: .system, detail: nil) }
    }
}
