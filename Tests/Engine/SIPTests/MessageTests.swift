// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

/// A message written with bare line ends in the source, sent with CRLF.
func wire(_ text: String) -> [UInt8] {
    Array(text.utf8).flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
}

@Suite struct MessageTests {
    static let invite = wire(
        """
        INVITE sip:bob@biloxi.example.com;transport=tcp SIP/2.0
        Via: SIP/2.0/UDP pc33.atlanta.example.com:5066;branch=z9hG4bKnashds8;rport, SIP/2.0/TCP [2001:db8::9:1];branch=z9hG4bK2
        v: SIP/2.0/UDP 192.0.2.1
        Max-Forwards: 70
        To: Bob <sip:bob@biloxi.example.com>
        f: "Alice, \\"A\\" <x>"  <sip:alice@atlanta.example.com>;tag=1928301774
        i: a84b4c76e66710@pc33.atlanta.example.com
        CSeq:   314159
          INVITE
        m: <sip:alice@pc33.atlanta.example.com;x=1,2>;expires=60;q=0.5, "b" <sip:b@c>, sip:d@e;expires=7
        Record-Route: <sip:p2.example.com;lr>
        Record-Route: <sip:p1.example.com;lr>,<sip:p0.example.com>
        Supported: 100rel , Timer
        X-Extra: one
        Content-Type: application/sdp; charset=x
        l: 5

        v=0
        trailing bytes
        """)

    @Test func `an INVITE is read field by field`() throws {
        let message = try Message.parse(Self.invite)
        #expect(message.defect == nil)
        #expect(message.method == .invite)
        let uri = try #require(message.requestURI.flatMap { message.uri($0) })
        #expect(uri.scheme == .sip)
        #expect(uri.user.map { message.string(of: $0) } == "bob")
        #expect(message.string(of: uri.host) == "biloxi.example.com")
        #expect(uri.port == nil)
        #expect(message.parameter("transport", in: uri.parameters).map { message.string(of: $0) } == "tcp")

        let via = try #require(message.topVia)
        #expect(via.transport == .udp)
        #expect(message.string(of: via.host) == "pc33.atlanta.example.com")
        #expect(via.port == 5066)
        #expect(via.branch.map { message.string(of: $0) } == "z9hG4bKnashds8")
        #expect(via.hasRPort && via.rport == nil)
        var hosts: [String] = []
        message.forEachVia { via in
            hosts.append(via.map { message.string(of: $0.host) } ?? "bad")
            return true
        }
        #expect(hosts == ["pc33.atlanta.example.com", "2001:db8::9:1", "192.0.2.1"])

        #expect(message.from.flatMap(\.displayName).map { message.string(of: $0) } == "Alice, \\\"A\\\" <x>")
        #expect(message.fromTag.map { message.string(of: $0) } == "1928301774")
        #expect(message.to.flatMap(\.displayName).map { message.string(of: $0) } == "Bob")
        #expect(message.toTag == nil)
        #expect(message.cSeq?.number == 314159)
        #expect(message.cSeq?.method == .invite)
        #expect(message.maxForwards == 70)
        #expect(message.hasSDP)
        #expect(message.string(of: message.body) == "v=0\r\n")
        #expect(message.lists(.supported, "timer") && !message.lists(.supported, "path"))
        #expect(message.first(named: "x-extra").map { message.string(of: $0) } == "one")

        var contacts: [String] = []
        message.forEachContact { contact in
            if case .address(let address, let expires, let q) = contact {
                contacts.append(
                    "\(message.string(of: address.uri)) \(expires.map(Int.init) ?? -1) \(q.map(Int.init) ?? -1)")
            }
            return true
        }
        #expect(contacts == ["sip:alice@pc33.atlanta.example.com;x=1,2 60 500", "sip:b@c -1 -1", "sip:d@e 7 -1"])
        #expect(message.elementCount(.recordRoute) == 3)
    }

    @Test func `a message cut at any byte is refused or is a shorter body, and never crashes`() throws {
        let whole = Self.invite
        for length in 0..<whole.count {
            let cut = Array(whole[..<length])
            if let message = try? Message.parse(cut) {
                let isWhole = message.defect != .contentLength
                #expect(message.string(of: message.body) == (isWhole ? "v=0\r\n" : ""))
            }
        }
    }

    @Test(arguments: HeaderName.allCases) func `every header is found by its name in any spelling`(name: HeaderName)
        throws
    {
        guard name != .other else { return }
        for spelling in ["\(name.name)", "\(name.name)".lowercased(), "\(name.name)".uppercased()] {
            let value = name == .contentLength ? "0" : "value"
            let message = try Message.parse(wire("OPTIONS sip:a@b SIP/2.0\n\(spelling) : \(value)\n\n"))
            #expect(message.first(name).map { message.string(of: $0) } == value)
            #expect(message.header(at: 0).name == name)
        }
    }

    @Test(arguments: Method.allCases) func `every method is known by its token, case-sensitively`(method: Method) throws
    {
        guard method != .other else { return }
        #expect(try Message.parse(wire("\(method.name) sip:a@b SIP/2.0\n\n")).method == method)
        let lower = try Message.parse(wire("\("\(method.name)".lowercased()) sip:a@b SIP/2.0\n\n"))
        #expect(lower.method == .other)
    }

    @Test func `a status line may lack its phrase`() throws {
        let response = try Message.parse(wire("SIP/2.0 180 \n\n"))
        #expect(response.status == 180)
        #expect(try Message.parse(wire("SIP/2.0 486 Busy Here\n\n")).startLine != response.startLine)
    }

    @Test func `a response copies what RFC 3261 section 8.2.6 asks for and fills rport and received`() throws {
        let request = try Message.parse(Self.invite)
        var writer = MessageWriter()
        writer.beginResponse(
            to: request, status: 200, toTag: Array("9f".utf8), source: TransportAddress(198, 51, 100, 7, port: 4040))
        writer.finish(contentType: "application/sdp", body: Array("v=0\r\n".utf8))
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(
            text
                == String(
                    decoding: wire(
                        """
                        SIP/2.0 200 OK
                        Via: SIP/2.0/UDP pc33.atlanta.example.com:5066;branch=z9hG4bKnashds8;rport=4040;received=198.51.100.7, \
                        SIP/2.0/TCP [2001:db8::9:1];branch=z9hG4bK2
                        Via: SIP/2.0/UDP 192.0.2.1
                        From: "Alice, \\"A\\" <x>"  <sip:alice@atlanta.example.com>;tag=1928301774
                        To: Bob <sip:bob@biloxi.example.com>;tag=9f
                        Call-ID: a84b4c76e66710@pc33.atlanta.example.com
                        CSeq: 314159    INVITE
                        Record-Route: <sip:p2.example.com;lr>
                        Record-Route: <sip:p1.example.com;lr>,<sip:p0.example.com>
                        Content-Type: application/sdp
                        Content-Length: 5

                        v=0

                        """), as: UTF8.self))
        let response = try Message.parse(writer.bytes)
        #expect(response.topVia?.rport == 4040)
        #expect(response.cSeq?.number == request.cSeq?.number)
    }

    @Test func `a body of unknown length gets its Content-Length afterwards`() throws {
        for length in [0, 1, 9, 10, 12345] {
            var writer = MessageWriter()
            writer.requestLine(.message, uri: Array("sip:a@b".utf8))
            let start = writer.beginBody(contentType: "text/plain")
            writer.output.append([UInt8](repeating: 0x61, count: length))
            writer.endBody(from: start)
            let message = try Message.parse(writer.bytes)
            #expect(message.contentLength == UInt32(length))
            #expect(Int(message.body.length) == length)
        }
    }
}
