// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOWebSocket
import SIP

/// The server's side of the request for a WebSocket: agrees to SIP, answers everything else with 426 (RFC 9110 §15.5.22).
final class WebSocketAccepting<Owner: FlowOwner>: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: StreamConnection<Owner>

    private init(_ connection: StreamConnection<Owner>) { self.connection = connection }

    /// Puts the HTTP handlers, and this one, at the end of the pipeline.
    static func add(to channel: any Channel, for connection: StreamConnection<Owner>) throws {
        let accepting = WebSocketAccepting(connection)
        let bound = NIOLoopBound(accepting, eventLoop: channel.eventLoop)
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: Limits.messageSize,
            shouldUpgrade: { channel, request in
                let offered = request.headers[canonicalForm: "Sec-WebSocket-Protocol"]
                let isSIP = offered.contains { $0.lowercased() == "sip" }
                return channel.eventLoop.makeSucceededFuture(isSIP ? ["Sec-WebSocket-Protocol": "sip"] : nil)
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture { try bound.value.agreed(channel) }
            })
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
        try pipeline.addHandler(accepting)
    }

    private func agreed(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(WebSocketFrames(isClient: false))
        try pipeline.addHandler(connection)
        pipeline.removeHandler(self, promise: nil)
        connection.open(channel)
    }

    func channelActive(context: ChannelHandlerContext) { connection.connected(context.channel) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let headers: HTTPHeaders = [
            "Upgrade": "websocket", "Connection": "upgrade, close", "Sec-WebSocket-Protocol": "sip",
            "Content-Length": "0",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: .upgradeRequired, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        connection.userInboundEventTriggered(context: context, event: event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // HTTP's own complaints about a refused upgrade are answered above.
        if !(error is NIOWebSocketUpgradeError) { connection.errorCaught(context: context, error: error) }
    }

    func channelInactive(context: ChannelHandlerContext) { connection.channelInactive(context: context) }
}
