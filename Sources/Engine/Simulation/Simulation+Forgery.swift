// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// Messages that somebody on the path makes up.
extension Simulation {
    // MARK: Challenges

    /// Answers a request in front of the server, if a storm of challenges is on and chance wants it.
    func answerInFront(_ bytes: [UInt8], from source: TransportAddress, connection: Int?) -> Bool {
        guard let storm = weather.storms.first(where: { $0.until > now }), troubleRandom.chance(storm.share),
            let request = try? Message.parse(bytes), request.toTag == nil,
            let method = request.method, method == .register || method == .invite
        else { return false }
        let serial = troubleRandom.next() % 1000
        var realm = Self.realm
        if storm.kind == .realms { realm = Array("realm-\(serial % 5).example".utf8) }
        var nonce = Array("front-\(serial)-\(report.events)".utf8)
        if storm.kind == .same {
            // The nonce that was answered once more: the credentials are wrong.
            for header in [HeaderName.authorization, .proxyAuthorization] {
                request.forEachAuthorization(header) {
                    nonce = Array(request.bytes(of: $0.nonce))
                    return false
                }
            }
        }
        let answer = challenge(
            request, status: method == .register ? 401 : 407, realm: realm, nonce: nonce,
            isStale: storm.kind == .stale)
        if let connection {
            sendFromServer(answer, flow: network.connections[connection].serverFlow, destination: source)
        } else {
            sendFromServer(answer, flow: Network.serverFlow, destination: source)
        }
        return true
    }

    /// Somebody on the path answers first, hoping for a digest.
    func forgeChallenge(to request: Message, link: Int) {
        guard let method = request.method, method != .ack, method != .cancel,
            troubleRandom.chance(weather.forgedShare)
        else { return }
        // Outside of a dialog an account without a fixed realm rightly believes what comes from its registrar's address.
        guard request.toTag != nil || plan.fixesRealm else { return }
        report.forgedChallenges += 1
        let status: UInt16 = troubleRandom.chance(0.5) ? 401 : 407
        // In a dialog the account's own realm may be used as bait: what is stolen fits the real server.
        let isBait = request.toTag != nil && troubleRandom.chance(0.3)
        let realm = isBait ? Self.realm : Array("elsewhere.example".utf8)
        let answer = challenge(
            request, status: status, realm: realm, nonce: Array("forged-\(report.forgedChallenges)".utf8),
            isStale: troubleRandom.chance(0.3))
        let event: Event
        if let connection = network.links[link].connection {
            event = .deliverBytes(connection: connection, toServer: false, answer)
            // Only between whole messages can anybody put one in.
            guard network.connections[connection].toEndpoint.last <= now else { return }
        } else {
            event = .deliver(
                Datagram(source: network.server, destination: network.links[link].address, bytes: answer))
        }
        _ = queue.schedule(event, at: now + .milliseconds(1))
    }

    private func challenge(_ request: Message, status: UInt16, realm: [UInt8], nonce: [UInt8], isStale: Bool) -> [UInt8]
    {
        var writer = MessageWriter()
        writer.beginResponse(
            to: request, status: status, toTag: request.toTag == nil ? Array("front".utf8) : nil, source: nil)
        writer.beginHeader(status == 401 ? .wwwAuthenticate : .proxyAuthenticate)
        writer.output.append("Digest realm=\"")
        writer.output.append(realm)
        writer.output.append("\", nonce=\"")
        writer.output.append(nonce)
        writer.output.append("\", algorithm=MD5")
        if troubleRandom.chance(0.8) { writer.output.append(", qop=\"auth\"") }
        if isStale { writer.output.append(", stale=true") }
        writer.endLine()
        writer.finish()
        return writer.bytes
    }

    // MARK: Pranks

    /// Sends something that nobody expects to the receiver of an old datagram.
    func play(_ kind: Trouble.Prank) {
        guard var datagram = watch.anyDatagram(&troubleRandom) else { return }
        switch kind {
        case .replay: break
        case .flippedBits:
            for _ in 0...(troubleRandom.next() % 4) where !datagram.bytes.isEmpty {
                let place = Int(troubleRandom.next() % UInt64(datagram.bytes.count))
                datagram.bytes[place] ^= 1 << UInt8(troubleRandom.next() % 8)
            }
        case .truncation:
            datagram.bytes.removeLast(Int(troubleRandom.next() % UInt64(max(datagram.bytes.count, 1))))
        case .otherStatus:
            guard datagram.bytes.starts(with: "SIP/2.0 ".utf8), datagram.bytes.count > 11 else { return }
            let statuses = [
                100, 180, 183, 200, 202, 301, 302, 400, 401, 403, 407, 408, 421, 423, 480, 481, 486, 487, 488, 491, 500,
                503, 600, 603, 699,
            ]
            let status = statuses[Int(troubleRandom.next() % UInt64(statuses.count))]
            datagram.bytes.replaceSubrange(8..<11, with: Array("\(status)".utf8))
        case .inDialogRequest, .strayRequest:
            guard let link = network.link(at: datagram.destination),
                let message = try? Message.parse(datagram.bytes),
                let request = madeUpRequest(from: message, inDialog: kind == .inDialogRequest, link: link)
            else { return }
            datagram = Datagram(source: network.server, destination: datagram.destination, bytes: request)
        }
        report.pranks += 1
        _ = queue.schedule(.deliver(datagram), at: now)
    }

    /// A request of the peer of `message`'s receiver: any method, any number.
    private func madeUpRequest(from message: Message, inDialog: Bool, link: Int) -> [UInt8]? {
        guard let from = message.first(.from), let to = message.first(.to), let callID = message.callID else {
            return nil
        }
        // In a response to its own request the receiver stands in From.
        let (peer, own) = message.isRequest ? (from, to) : (to, from)
        let methods = Method.allCases.filter { $0 != .other }
        let method = methods[Int(troubleRandom.next() % UInt64(methods.count))]
        var writer = MessageWriter()
        writer.beginRequestLine(method)
        writer.output.append("sip:")
        if let user = message.isRequest ? message.to : message.from, let uri = message.uri(user.uri),
            let name = uri.user
        {
            writer.append(name, of: message)
            writer.output.append(0x40)
        }
        writer.output.append(address: network.links[link].address)
        writer.endRequestLine()
        writer.output.append("Via: SIP/2.0/UDP ")
        writer.output.append(address: network.server)
        writer.output.append(";branch=z9hG4bK-made-up-")
        writer.output.append(hex: troubleRandom.next(), digits: 16)
        writer.endLine()
        writer.header(.maxForwards, decimal: 70)
        writer.header(.from, peer, of: message)
        if inDialog {
            writer.header(.to, own, of: message)
        } else {
            let end = message.bytes(of: own).firstIndex(of: UInt8(ascii: ";")) ?? message.bytes(of: own).endIndex
            writer.header(.to, bytes: message.bytes(of: own)[..<end])
        }
        writer.header(.callID, callID, of: message)
        let number = message.cSeq?.number ?? 1
        let step = UInt32(truncatingIfNeeded: troubleRandom.next() % 4)
        writer.cSeq(
            troubleRandom.chance(0.2) ? UInt32(truncatingIfNeeded: troubleRandom.next()) >> 1 : number &+ step, method)
        if troubleRandom.chance(0.8) {
            writer.beginHeader(.contact)
            writer.output.append("<sip:prank@")
            writer.output.append(address: network.server)
            writer.output.append(">\r\n")
        }
        if troubleRandom.chance(0.1) { writer.header(.require, "100rel") }
        switch troubleRandom.next() % 4 {
        case 0: writer.finish(contentType: "application/sdp", body: sessionDescription)
        case 1: writer.finish(contentType: "application/sdp", body: Array("v=0\r\nnonsense".utf8))
        default: writer.finish()
        }
        return writer.bytes
    }

    private var sessionDescription: [UInt8] {
        let direction = ["sendrecv", "sendonly", "recvonly", "inactive"][Int(troubleRandom.next() % 4)]
        return Array(
            ("v=0\r\no=- 7 \(troubleRandom.next() % 9) IN IP4 10.9.9.9\r\ns=-\r\nc=IN IP4 10.9.9.9\r\nt=0 0\r\n"
                + "m=audio 4000 RTP/AVP 8 0\r\na=\(direction)\r\n").utf8)
    }
}
