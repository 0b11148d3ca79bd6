// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOWebSocket
import SIP

/// The peer answered a ping (RFC 6455 §5.5.3).
struct WebSocketPong: Sendable {}

/// Messages to WebSocket messages and back, either side: one SIP message in each (RFC 7118 §5), text or binary, in one frame
/// or several; answers pings and the closing handshake. A keep-alive of line ends leaves as a ping.
final class WebSocketFrames: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = WebSocketFrame

    /// A client must mask what it sends (RFC 6455 §5.1).
    private let isClient: Bool
    private var partial: ByteBuffer?

    init(isClient: Bool) { self.isClient = isClient }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let message = unwrapOutboundIn(data)
        let bytes = message.readableBytesView
        let opcode: WebSocketOpcode =
            if bytes.isLineEnds {
                .ping
            } else if bytes.allSatisfy({ $0 < 0x80 }) || message.isUTF8 {
                .text
            } else {
                .binary
            }
        context.write(frame(opcode, opcode == .ping ? ByteBuffer() : message), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text, .binary:
            guard partial == nil else { return end(context, .protocolError) }
            take(frame.unmaskedData, isLast: frame.fin, context)
        case .continuation:
            guard var message = partial else { return end(context, .protocolError) }
            message.writeImmutableBuffer(frame.unmaskedData)
            take(message, isLast: frame.fin, context)
        case .ping: context.writeAndFlush(self.frame(.pong, frame.unmaskedData), promise: nil)
        case .pong: context.fireUserInboundEventTriggered(WebSocketPong())
        case .connectionClose:
            context.writeAndFlush(self.frame(.connectionClose, frame.unmaskedData), promise: nil)
            context.close(promise: nil)
        default: end(context, .protocolError)
        }
    }

    private func take(_ message: ByteBuffer, isLast: Bool, _ context: ChannelHandlerContext) {
        guard message.readableBytes <= Limits.messageSize else { return end(context, .messageTooLarge) }
        partial = isLast ? nil : message
        if isLast { context.fireChannelRead(wrapInboundOut(message)) }
    }

    private func end(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
        var reason = ByteBuffer()
        reason.write(webSocketErrorCode: code)
        context.writeAndFlush(frame(.connectionClose, reason), promise: nil)
        context.close(promise: nil)
    }

    private func frame(_ opcode: WebSocketOpcode, _ data: ByteBuffer) -> NIOAny {
        wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, maskKey: isClient ? .random() : nil, data: data))
    }
}

extension ByteBufferView {
    /// Whether there is nothing but CR and LF in it: a keep-alive (RFC 5626 §3.5.1), or its answer.
    var isLineEnds: Bool { !isEmpty && allSatisfy { $0 == 0x0D || $0 == 0x0A } }
}

extension ByteBuffer {
    fileprivate var isUTF8: Bool { readableBytesView.withUnsafeBytes { String(validating: $0, as: UTF8.self) != nil } }
}
