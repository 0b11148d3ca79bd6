// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CCrypto
import PBX
import SIP
import Testing

extension HashFunctions {
    /// libcrypto's, as the program uses them.
    static var libcrypto: HashFunctions {
        HashFunctions { algorithm, input, output in
            precondition(
                callmeter_digest(Int32(algorithm.rawValue), input.baseAddress, input.count, output.baseAddress) == 1)
        }
    }
}

/// The server with two accounts, `alice` and `bob`, and what it sent, message by message.
final class PBXHarness {
    static let udp = FlowID(raw: 1)
    static let server = TransportAddress(192, 0, 2, 1, port: 5060)
    static let alice = TransportAddress(192, 0, 2, 10, port: 5070)
    static let bob = TransportAddress(192, 0, 2, 20, port: 5080)

    struct Sent {
        var message: Message
        var flow: FlowID
        var destination: TransportAddress
    }

    let engine: PBXEngine
    let arena = SecretArena()
    var now = Instant.zero + .seconds(1)
    var sent: [Sent] = []
    var outputs: [PBXOutput] = []
    /// Everything that was fed, for tests that send it again in other ways.
    var fed: [[UInt8]] = []
    private var cnonce: UInt64 = 0

    init(_ configure: (inout PBXConfiguration) -> Void = { _ in }, seed: UInt64 = 1) {
        var configuration = PBXConfiguration()
        configure(&configuration)
        let accounts = [("alice", "secret-a"), ("bob", "secret-b")].map { [arena] name, password in
            PBXAccount(
                username: Array(name.utf8),
                credential: .password(Array(password.utf8).withUnsafeBytes { arena.store($0) }))
        }
        engine = PBXEngine(
            configuration: configuration, accounts: accounts, secrets: arena, hashes: .libcrypto,
            random: SeededRandom(seed: seed))
        engine.flowOpened(Self.udp, transport: .udp, local: Self.server)
    }

    /// Feeds a message written with bare line ends and gives what the server sent for it.
    @discardableResult
    func feed(_ text: String, from source: TransportAddress, flow: FlowID = udp) -> [Sent] {
        let bytes = Array(text.utf8).flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] }
        fed.append(bytes)
        bytes.withUnsafeBytes { engine.receive($0, flow: flow, source: source, now: now) }
        return drain()
    }

    @discardableResult
    func drain() -> [Sent] {
        let new = engine.transmissions.compactMap { transmission in
            engine.withMessage(transmission) { bytes in
                (try? Message.parse(datagram: bytes)).map {
                    Sent(message: $0, flow: transmission.flow, destination: transmission.destination)
                }
            }
        }
        #expect(new.count == engine.transmissions.count, "the server sent something that is no message")
        // The answer to a defective request copies what it has to copy.
        #expect(new.allSatisfy { $0.message.defect == nil || $0.message.status == 400 })
        outputs += engine.outputs
        engine.removeOutputs()
        sent += new
        return new
    }

    /// Lets time pass, waking the server whenever it asked to be.
    @discardableResult
    func advance(_ interval: Interval) -> [Sent] {
        let end = now + interval
        var all: [Sent] = []
        while let next = engine.nextDeadline, next <= end {
            now = max(now, next)
            engine.advance(to: now)
            all += drain()
        }
        now = end
        return all
    }

    /// An Authorization line's value for a challenge in `response`.
    func credentials(
        for response: Message, _ method: Method, uri: String, user: String, password: String, count: UInt32 = 1
    ) throws -> String {
        let isProxy = response.status == 407
        let challenge = try #require(
            response.challenges(isProxy ? .proxyAuthenticate : .wwwAuthenticate).first, "no challenge in the answer")
        cnonce += 1
        var writer = MessageWriter()
        try DigestResponder(hashes: .libcrypto, arena: arena).write(
            isProxy ? .proxyAuthorization : .authorization, for: challenge, username: Array(user.utf8),
            credential: .password(Array(password.utf8).withUnsafeBytes { arena.store($0) }),
            request: .init(method: method, uri: Array(uri.utf8), nonceCount: count, cnonce: cnonce), to: &writer)
        return String(decoding: writer.bytes.dropLast(2), as: UTF8.self)
    }

    func register(
        _ user: String, at address: TransportAddress, cSeq: Int = 1, expires: String = "3600", contact: String? = nil,
        extra: String = "", transport: String = "UDP"
    ) -> String {
        let header = extra.isEmpty ? "" : extra + "\n"
        let contactLine = contact.map { $0.isEmpty ? "" : "Contact: \($0)\n" } ?? "Contact: <sip:\(user)@\(address)>\n"
        return """
            REGISTER sip:pbx.example SIP/2.0
            Via: SIP/2.0/\(transport) \(address);branch=z9hG4bKr\(user)\(cSeq);rport
            Max-Forwards: 70
            From: <sip:\(user)@pbx.example>;tag=r\(user)
            To: <sip:\(user)@pbx.example>
            Call-ID: reg-\(user)
            CSeq: \(cSeq) REGISTER
            \(contactLine)Expires: \(expires)
            \(header)Content-Length: 0


            """
    }

    /// Registers with challenge and answer; gives the last answer.
    @discardableResult
    func enroll(
        _ user: String, at address: TransportAddress, password: String? = nil, expires: String = "3600", cSeq: Int = 1,
        contact: String? = nil, flow: FlowID = udp, transport: String = "UDP"
    ) throws -> Message {
        let first = feed(
            register(user, at: address, cSeq: cSeq, expires: expires, contact: contact, transport: transport),
            from: address,
            flow: flow)
        let challenge = try #require(first.first).message
        guard challenge.status == 401 else { return challenge }
        let line = try credentials(
            for: challenge, .register, uri: "sip:pbx.example", user: user,
            password: password ?? "secret-\(user.prefix(1))")
        let second = feed(
            register(
                user, at: address, cSeq: cSeq + 1, expires: expires, contact: contact, extra: line, transport: transport
            ),
            from: address, flow: flow)
        return try #require(second.first).message
    }

    static let offer = "v=0\no=- 1 1 IN IP4 192.0.2.10\ns=-\nc=IN IP4 192.0.2.10\nt=0 0\nm=audio 4000 RTP/AVP 8 0\n"

    func invite(_ target: String, cSeq: Int = 1, maxForwards: Int = 70, extra: String = "", transport: String = "UDP")
        -> String
    {
        let header = extra.isEmpty ? "" : extra + "\n"
        return """
            INVITE sip:\(target)@pbx.example SIP/2.0
            Via: SIP/2.0/\(transport) \(Self.alice);branch=z9hG4bKi\(cSeq);rport
            Max-Forwards: \(maxForwards)
            From: <sip:alice@pbx.example>;tag=caller
            To: <sip:\(target)@pbx.example>
            Call-ID: call-1
            CSeq: \(cSeq) INVITE
            Contact: <sip:alice@\(Self.alice)>
            \(header)Content-Type: application/sdp
            Content-Length: \(Self.offer.utf8.count + Self.offer.utf8.count { $0 == 0x0A })

            \(Self.offer)
            """.replacing("\(Self.offer)\n", with: Self.offer)
    }

    /// Sends an INVITE, acknowledges its 407, sends it with credentials; gives what the server sent for that.
    func call(_ target: String, flow: FlowID = udp, transport: String = "UDP") throws -> [Sent] {
        let challenge = try #require(feed(invite(target, transport: transport), from: Self.alice, flow: flow).first)
            .message
        #expect(challenge.status == 407)
        acknowledge(challenge, target: target, cSeq: 1, flow: flow, transport: transport)
        let line = try credentials(
            for: challenge, .invite, uri: "sip:\(target)@pbx.example", user: "alice", password: "secret-a")
        return feed(invite(target, cSeq: 2, extra: line, transport: transport), from: Self.alice, flow: flow)
    }

    /// The ACK to a refusal, in the INVITE's own transaction.
    func acknowledge(_ refusal: Message, target: String, cSeq: Int, flow: FlowID = udp, transport: String = "UDP") {
        let to = refusal.first(.to).map { refusal.string(of: $0) } ?? ""
        feed(
            """
            ACK sip:\(target)@pbx.example SIP/2.0
            Via: SIP/2.0/\(transport) \(Self.alice);branch=z9hG4bKi\(cSeq);rport
            Max-Forwards: 70
            From: <sip:alice@pbx.example>;tag=caller
            To: \(to)
            Call-ID: call-1
            CSeq: \(cSeq) ACK
            Content-Length: 0


            """, from: Self.alice, flow: flow)
    }

    /// An answer to a request that the server sent, with To tag `callee`.
    func answer(
        _ request: Message, _ status: Int, extra: String = "", from source: TransportAddress = bob, flow: FlowID = udp
    )
        -> [Sent]
    {
        var writer = MessageWriter()
        writer.beginResponse(
            to: request, status: UInt16(status), toTag: status == 100 ? nil : Array("callee".utf8), source: nil)
        writer.output.append(string: extra.isEmpty ? "" : extra + "\r\n")
        writer.finish()
        writer.bytes.withUnsafeBytes { engine.receive($0, flow: flow, source: source, now: now) }
        return drain()
    }

    /// A request within the dialog, along the route that `message` recorded.
    func inDialog(
        _ method: String, cSeq: Int, byCaller: Bool, route: Message, uri: String, toTag: String = "callee"
    ) -> String {
        var routes: [String] = []
        route.forEachElement(.recordRoute) { element in
            routes.append("Route: \(route.string(of: element))\n")
            return true
        }
        let source = byCaller ? Self.alice : Self.bob
        let caller = "<sip:alice@pbx.example>;tag=caller"
        let callee = "<sip:bob@pbx.example>;tag=\(toTag)"
        return """
            \(method) \(uri) SIP/2.0
            Via: SIP/2.0/UDP \(source);branch=z9hG4bK\(method)\(cSeq)\(byCaller);rport
            Max-Forwards: 70
            \(routes.joined())From: \(byCaller ? caller : callee)
            To: \(byCaller ? callee : caller)
            Call-ID: call-1
            CSeq: \(cSeq) \(method)
            Content-Length: 0


            """
    }
}

extension Message {
    func text(_ name: HeaderName) -> String? { first(name).map { string(of: $0) } }

    func texts(_ name: HeaderName) -> [String] {
        var all: [String] = []
        forEachElement(name) {
            all.append(string(of: $0)); return true
        }
        return all
    }
}
