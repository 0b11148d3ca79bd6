// SPDX-License-Identifier: Apache-2.0
//
// Bodies of requests hold passwords, and headers hold keys. The HTTP library gives its buffers back to the allocator as they are; so
// what it works on are copies of ours, which are overwritten as soon as nobody else refers to them.

import Bedrock
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// HTTP/1.1 on a connection whose received bytes do not outlive their use.
struct WipedChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    private let base: HTTP1Channel

    init(responder: @escaping HTTPChannelHandler.Responder) {
        base = HTTP1Channel(
            responder: responder, configuration: .init(additionalChannelHandlers: [BodyWiper()]))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(SocketBytesWiper())
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

/// First on the way in: hands on a copy of what the socket gave and overwrites the socket's buffer, which the library keeps for the
/// next read.
private final class SocketBytesWiper: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let copies = WipedCopies()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let received = unwrapInboundIn(data)
        let copy = copies.make(of: received, on: context.eventLoop)
        received.wipeInPlace()
        context.fireChannelRead(wrapInboundOut(copy))
    }
}

/// After the decoder: the same for bodies, because the decoder joins the rest of a head with what follows it in a buffer of its own.
private final class BodyWiper: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private let copies = WipedCopies()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .body(let received) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        let copy = copies.make(of: received, on: context.eventLoop)
        received.wipeInPlace()
        context.fireChannelRead(wrapInboundOut(.body(copy)))
    }
}

/// Buffers that others read: each is overwritten when only this list refers to it any more. Confined to one event loop.
private final class WipedCopies {
    private static let firstLook = TimeAmount.milliseconds(10)
    private static let longestPause = TimeAmount.milliseconds(500)

    private var lent: [ByteBuffer] = []
    private var isLooking = false

    /// A buffer with the same bytes, to be read and dropped.
    func make(of source: ByteBuffer, on loop: any EventLoop) -> ByteBuffer {
        wipeUnused()
        var copy = ByteBufferAllocator().buffer(capacity: source.readableBytes)
        copy.writeImmutableBuffer(source)
        lent.append(copy)
        look(after: Self.firstLook, on: loop)
        return copy
    }

    private func wipeUnused() {
        var place = 0
        while place < lent.count {
            let isWiped: Void? = lent[place].modifyIfUniquelyOwned { $0.wipeInPlace() }
            if isWiped == nil { place += 1 } else { lent.remove(at: place) }
        }
    }

    /// Looks again until all are wiped, ever more seldom: a request may wait, and a connection may be gone before its last bytes
    /// were read.
    private func look(after pause: TimeAmount, on loop: any EventLoop) {
        guard !isLooking else { return }
        isLooking = true
        loop.assumeIsolated().scheduleTask(in: pause) {
            self.isLooking = false
            self.wipeUnused()
            if !self.lent.isEmpty { self.look(after: min(pause * 2, Self.longestPause), on: loop) }
        }
    }
}

extension ByteBuffer {
    /// Overwrites the readable bytes where they are, for everyone who shares them. To be called by the last one who reads them.
    func wipeInPlace() {
        // The storage is heap memory of the library's; writing through the pointer makes no copy of it.
        withUnsafeReadableBytes { LockedMemory.wipe(UnsafeMutableRawBufferPointer(mutating: $0)) }
    }
}
