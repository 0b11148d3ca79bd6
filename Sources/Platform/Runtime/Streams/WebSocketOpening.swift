// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOWebSocket
import RunMetrics
import SIP

/// Asks a server for SIP over WebSocket (RFC 7118 §4) and gives the connection over to SIP when it agrees.
final class WebSocketOpening<Owner: FlowOwner>: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let connection: StreamConnection<Owner>
    private let host: String
    private let path: String

    private init(_ connection: StreamConnection<Owner>, host: String, path: String) {
        self.connection = connection
        self.host = host
        self.path = path
    }

    /// Puts the HTTP handlers, and this one, at the end of the pipeline.
    static func add(
        to channel: any Channel, for connection: StreamConnection<Owner>, host: String, path: String
    ) throws {
        let opening = WebSocketOpening(connection, host: host, path: path)
        let bound = NIOLoopBound(opening, eventLoop: channel.eventLoop)
        let upgrader = NIOWebSocketClientUpgrader(maxFrameSize: Limits.messageSize) { channel, response in
            channel.eventLoop.makeCompletedFuture { try bound.value.agreed(channel, response) }
        }
        try channel.pipeline.syncOperations.addHTTPClientHandlers(
            withClientUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
        try channel.pipeline.syncOperations.addHandler(opening)
    }

    private func agreed(_ channel: any Channel, _ response: HTTPResponseHead) throws {
        guard response.headers[canonicalForm: "Sec-WebSocket-Protocol"].contains(where: { $0.lowercased() == "sip" })
        else {
            connection.refuse(
                StreamFailure(fault: .webSocketRefused, detail: "the server opened a WebSocket, but not for SIP"))
            channel.close(promise: nil)
            return
        }
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(WebSocketFrames(isClient: true))
        try pipeline.addHandler(connection)
        pipeline.removeHandler(self, promise: nil)
        // The HTTP handlers are out of the way when this turn of the loop is over.
        let bound = NIOLoopBound(connection, eventLoop: channel.eventLoop)
        channel.eventLoop.execute { bound.value.open(channel) }
    }

    func channelActive(context: ChannelHandlerContext) {
        connection.connected(context.channel)
        // Over TLS this waits in the TLS handler until the handshake is done.
        let headers: HTTPHeaders = ["Host": host, "Sec-WebSocket-Protocol": "sip"]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let response) = unwrapInboundIn(data) else { return }
        connection.refuse(
            StreamFailure(
                fault: .webSocketRefused,
                detail: "the server answered the request for a WebSocket at \(path) with \(response.status.code) "
                    + response.status.reasonPhrase))
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        connection.userInboundEventTriggered(context: context, event: event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection.errorCaught(context: context, error: error)
    }

    func channelInactive(context: ChannelHandlerContext) { connection.channelInactive(context: context) }
}
