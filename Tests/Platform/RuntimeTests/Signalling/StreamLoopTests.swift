// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Foundation
import NIOCore
import NIOPosix
import RunMetrics
import SIP
import Synchronization
import Testing

@testable import Runtime

private let loopback = TransportAddress(127, 0, 0, 1, port: 0)

/// A gate on a thread of its own, as a shard's is, and what it told.
private final class GateWorld: Sendable {
    enum Note: Equatable {
        case message(String, TransportAddress)
        case opened
        case ponged
        case failed(TransportFault)
    }

    private let notes = Mutex<[Note]>([])

    /// Connects a flow to `remote`, waits until the notes satisfy a condition, closes everything; the notes.
    func connect(to remote: TransportAddress, until condition: @escaping @Sendable ([Note]) -> Bool) async -> [Note] {
        await withCheckedContinuation { done in
            Thread.detachNewThread { [self] in
                guard let gate = try? StreamGate(tell: { self.note($0) }) else { return done.resume(returning: []) }
                gate.connect(
                    StreamDestination(remote: remote, local: loopback, transport: .tcp, security: nil),
                    on: FlowID(raw: 7))
                gate.flush()
                for _ in 0..<2_000 where !condition(notes.withLock(\.self)) { Thread.sleep(forTimeInterval: 0.005) }
                gate.stop()
                done.resume(returning: notes.withLock(\.self))
            }
        }
    }

    private func note(_ news: StreamNews) {
        let found = news.items.map { item -> Note in
            switch item {
            case .message(_, let range, let source):
                .message(String(decoding: news.bytes[range], as: UTF8.self), source)
            case .opened: .opened
            case .ponged: .ponged
            case .failed(_, let fault, _): .failed(fault)
            }
        }
        notes.withLock { $0 += found }
    }
}

struct StreamLoopTests {
    @Test func `a refused connection fails its flow as refused`() async throws {
        let refusing = try RefusingPort()
        #expect(await GateWorld().connect(to: refusing.address) { !$0.isEmpty } == [.failed(.refused)])
        withExtendedLifetime(refusing) {}
    }

    @Test func `a stream is cut into messages, a ping is answered, and its end is told as reset`() async throws {
        let text = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Talker(text)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(listener.localAddress.flatMap { TransportAddress($0) })
        let notes = await GateWorld().connect(to: address) { $0.contains(.failed(.reset)) }
        #expect(notes == [.opened, .message(text, address), .message(text, address), .failed(.reset)])
        try await listener.close()
    }
}

/// Sends a ping, and after its answer two messages, one byte at a time where it matters, and closes.
private final class Talker: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let text: String

    init(_ text: String) { self.text = text }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "\r\n\r\n")), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        #expect(unwrapInboundIn(data) == ByteBuffer(string: "\r\n"))
        let whole = ByteBuffer(string: text + text)
        let cut = text.utf8.count - 2
        for part in [0..<cut, cut..<whole.readableBytes] {
            guard let slice = whole.getSlice(at: part.lowerBound, length: part.count) else { continue }
            context.writeAndFlush(wrapOutboundOut(slice), promise: nil)
        }
        context.close(promise: nil)
    }
}
