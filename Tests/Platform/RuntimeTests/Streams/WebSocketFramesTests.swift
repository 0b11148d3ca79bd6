// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import NIOWebSocket
import SIP
import Testing

@testable import Runtime

@Suite("SIP messages in WebSocket frames")
struct WebSocketFramesTests {
    private func channel(isClient: Bool = true) -> EmbeddedChannel {
        EmbeddedChannel(handler: WebSocketFrames(isClient: isClient))
    }

    private func frame(_ opcode: WebSocketOpcode, _ text: String, fin: Bool = true) -> WebSocketFrame {
        WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(string: text))
    }

    @Test("a message in several fragments arrives as one, with a ping between them answered")
    func fragments() throws {
        let channel = channel()
        try channel.writeInbound(frame(.text, "OPTIONS sip:", fin: false))
        try channel.writeInbound(frame(.ping, "still there?"))
        try channel.writeInbound(frame(.continuation, "a@b SIP", fin: false))
        #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
        try channel.writeInbound(frame(.continuation, "/2.0"))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "OPTIONS sip:a@b SIP/2.0"))
        let pong = try #require(try channel.readOutbound(as: WebSocketFrame.self))
        #expect(pong.opcode == .pong)
        #expect(pong.data == ByteBuffer(string: "still there?"))
    }

    @Test("a client masks its frames and a server does not (RFC 6455 §5.1)", arguments: [true, false])
    func masks(_ isClient: Bool) throws {
        let channel = channel(isClient: isClient)
        try channel.writeOutbound(ByteBuffer(string: "SIP/2.0 200 OK"))
        let sent = try #require(try channel.readOutbound(as: WebSocketFrame.self))
        #expect((sent.maskKey != nil) == isClient)
        #expect(sent.fin)
    }

    @Test("a message leaves as text where it is UTF-8, else as binary; a keep-alive leaves as a ping")
    func opcodes() throws {
        let channel = channel()
        for (bytes, opcode) in [
            (Array("MESSAGE grüße".utf8), WebSocketOpcode.text), ([0x53, 0xFF, 0xFE], .binary),
            (Array("\r\n\r\n".utf8), .ping),
        ] {
            try channel.writeOutbound(ByteBuffer(bytes: bytes))
            #expect(try channel.readOutbound(as: WebSocketFrame.self)?.opcode == opcode)
        }
    }

    @Test("a peer that closes is answered with a close")
    func close() throws {
        let channel = channel()
        try channel.writeInbound(frame(.connectionClose, ""))
        #expect(try channel.readOutbound(as: WebSocketFrame.self)?.opcode == .connectionClose)
        #expect(!channel.isActive)
    }

    @Test("fragments without a beginning, a beginning within a message, and too much of it end the connection")
    func hostile() throws {
        let cases: [[WebSocketFrame]] = [
            [frame(.continuation, "x")],
            [frame(.text, "a", fin: false), frame(.text, "b")],
            [
                frame(.text, String(repeating: "a", count: Limits.messageSize), fin: false),
                frame(.continuation, "b", fin: false),
            ],
        ]
        for frames in cases {
            let channel = channel()
            for frame in frames { try channel.writeInbound(frame) }
            #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
            #expect(try channel.readOutbound(as: WebSocketFrame.self)?.opcode == .connectionClose)
        }
    }
}
