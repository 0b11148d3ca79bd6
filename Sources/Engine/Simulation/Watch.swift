// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// Looks at every message of the endpoints and says what may never be on the wire:
///
/// - what is no good SIP message;
/// - credentials that go elsewhere than to the registrar, for a realm that is not the account's or never asked, or for a nonce that
///   was never given; credentials in a dialog that the peer opened;
/// - the same count of a nonce twice, and a nonce whose answer was refused;
/// - sequence numbers that do not rise;
/// - requests of endpoints that gave their result.
struct Watch {
    /// Old datagrams kept for pranks.
    private static let memory = 64
    /// Messages kept of each endpoint for the report, of its registration and of all else.
    private static let logLength = 16

    /// What was sent with credentials.
    private struct Use {
        var endpoint: Int
        var nonces: [UInt64]
        var at: Instant
        var isAnswered = false
    }

    private let realm: [UInt8]?
    private let isClose: Bool
    private let keepsLog: Bool
    private let keepsDatagrams: Bool
    private let endpoints: Int
    /// How often each endpoint gave its result.
    var closings: [UInt8]

    /// Realms that asked each endpoint, outside of dialogs that peers opened.
    private var realms: [Int: Set<UInt64>] = [:]
    private var nonces: Set<UInt64> = []
    /// By which request each count of a nonce was used.
    private var counts: [UInt64: UInt64] = [:]
    /// Nonces whose answers were refused, in a registration or a call.
    private var refused: Set<UInt64> = []
    private var uses: [UInt64: Use] = [:]
    private var sequences: [UInt64: (number: UInt32, branch: UInt64)] = [:]
    /// Call-IDs of dialogs, by who opened them.
    private var openers: [UInt64: Int] = [:]
    /// Branches of requests that were sent: what has one of these is a copy.
    private var branches: Set<UInt64> = []
    private var datagrams: [Simulation.Datagram] = []
    private var nextDatagram = 0
    private var logs: [Int: [String]] = [:]

    init(_ plan: SimulationPlan) {
        realm = plan.fixesRealm || plan.isCalm ? Simulation.realm : nil
        isClose = plan.watchesClosely
        keepsLog = plan.keepsLog
        keepsDatagrams = plan.troubles.contains {
            switch $0 {
            case .pranks, .echoes: true
            default: false
            }
        }
        endpoints = plan.endpoints
        closings = Array(repeating: 0, count: plan.endpoints)
    }

    // MARK: Sent

    /// Looks at what an endpoint sends; the request, if it is one.
    mutating func sent(
        _ bytes: [UInt8], link: Int, to destination: TransportAddress, now: Instant,
        violate: (String, Int?) -> Void
    ) -> Message? {
        if bytes.count <= 4 || bytes[0] < 2 { return nil }  // keep-alives
        // An answer to a bad request repeats what is bad in it, the ACK what is bad in the answer.
        guard let message = try? Message.parse(bytes),
            !message.isRequest || message.method == .ack || message.defect == nil
        else {
            violate(
                "an endpoint sent no good SIP message: \(String(decoding: bytes.prefix(1500), as: UTF8.self).debugDescription)",
                nil)
            return nil
        }
        let endpoint = self.endpoint(of: message, isSent: true)
        note(message, "sent    ", endpoint, now)
        guard message.isRequest else { return nil }
        for header in [HeaderName.authorization, .proxyAuthorization] {
            message.forEachAuthorization(header) { fields in
                let realm = message.bytes(of: fields.realm)
                if let own = self.realm, !realm.elementsEqual(own) {
                    violate(
                        "credentials for the foreign realm \(message.string(of: fields.realm)) in "
                            + message.string(of: message.methodToken), endpoint)
                }
                if !Network.servers.contains(destination) { violate("credentials sent to \(destination)", endpoint) }
                return true
            }
        }
        guard isClose, let endpoint else { return message }
        lookClosely(at: message, endpoint, now: now) { violate($0, endpoint) }
        return message
    }

    private mutating func lookClosely(at request: Message, _ endpoint: Int, now: Instant, violate: (String) -> Void) {
        guard let branch = hash(request.topVia?.branch, request), let callID = hash(request.callID, request),
            let method = request.method
        else { return }
        if request.toTag == nil, method == .invite { openers[callID] = endpoint }
        if !branches.contains(branch) { checkSequence(of: request, method, branch: branch, callID: callID, violate) }
        checkCredentials(of: request, method, endpoint, branch: branch, callID: callID, now: now, violate)
        let isNew = branches.insert(branch).inserted
        // A 2xx that comes too late is acknowledged and released all the same.
        if isNew, closings[endpoint] > 0, method != .ack, method != .bye {
            violate("an endpoint that is closed sent \(request.string(of: request.methodToken))")
        }
    }

    private mutating func checkSequence(
        of request: Message, _ method: Method, branch: UInt64, callID: UInt64, _ violate: (String) -> Void
    ) {
        guard method != .ack, method != .cancel, let number = request.cSeq?.number,
            let from = hash(request.fromTag, request)
        else { return }
        let initial = mix(callID, from)
        let dialog = request.toTag.map { mix(initial, request.hash(of: $0)) } ?? initial
        for (key, mayEqual) in [(initial, dialog != initial), (dialog, false)] {
            guard let last = sequences[key], last.branch != branch else { continue }
            if number < last.number || (number == last.number && !mayEqual) {
                violate(
                    "\(request.string(of: request.methodToken)) has the number \(number) after \(last.number) in its dialog"
                )
            }
        }
        if sequences[dialog].map({ number > $0.number }) ?? true { sequences[dialog] = (number, branch) }
    }

    private mutating func checkCredentials(
        of request: Message, _ method: Method, _ endpoint: Int, branch: UInt64, callID: UInt64, now: Instant,
        _ violate: (String) -> Void
    ) {
        var answered: [UInt64] = []
        for header in [HeaderName.authorization, .proxyAuthorization] {
            request.forEachAuthorization(header) { fields in
                let name = request.string(of: request.methodToken)
                let realm = request.hash(of: fields.realm)
                let nonce = mix(UInt64(endpoint), request.hash(of: fields.nonce))
                answered.append(nonce)
                if request.toTag != nil, openers[callID] != endpoint {
                    violate("\(name) with credentials in a dialog that the peer opened")
                }
                if !(realms[endpoint]?.contains(realm) ?? false) {
                    violate("\(name) with credentials for \(request.string(of: fields.realm)), which never asked")
                }
                if !nonces.contains(nonce) {
                    violate("\(name) with credentials for the nonce \(request.string(of: fields.nonce)), never given")
                }
                // An ACK repeats what its INVITE carried.
                guard method != .ack else { return true }
                if refused.contains(mix(nonce, callID)), uses[branch] == nil {
                    violate("\(name) answers the nonce \(request.string(of: fields.nonce)) again, which was refused")
                }
                if let count = fields.nonceCount {
                    let use = mix(nonce, UInt64(count))
                    if let earlier = counts[use], earlier != branch {
                        violate("\(name) uses count \(count) of the nonce \(request.string(of: fields.nonce)) again")
                    }
                    counts[use] = branch
                }
                return true
            }
        }
        if method != .ack, uses[branch] == nil { uses[branch] = Use(endpoint: endpoint, nonces: answered, at: now) }
    }

    // MARK: Received

    /// Looks at what reaches an endpoint: challenges that it may answer from now on.
    mutating func received(_ bytes: [UInt8], link: Int, now: Instant) {
        guard isClose || keepsLog, let message = try? Message.parse(bytes) else { return }
        // The branch says whose answer it is, even where a name was damaged on its way.
        let asker = hash(message.topVia?.branch, message).flatMap { uses[$0]?.endpoint }
        let endpoint = asker ?? self.endpoint(of: message, isSent: false)
        note(message, "received", endpoint, now)
        guard isClose, let endpoint, let status = message.status, let method = message.cSeq?.method else { return }
        if let next = message.nextNonce { nonces.insert(mix(UInt64(endpoint), message.hash(of: next))) }
        guard status >= 200, let branch = hash(message.topVia?.branch, message), method != .cancel else { return }
        let isFirst = !(uses[branch]?.isAnswered ?? true)
        uses[branch]?.isAnswered = true
        guard status == 401 || status == 407 else { return }
        for header in [HeaderName.wwwAuthenticate, .proxyAuthenticate] {
            for challenge in message.challenges(header) {
                let nonce = mix(UInt64(endpoint), hash(challenge.nonce))
                nonces.insert(nonce)
                if method == .register || method == .invite {
                    realms[endpoint, default: []].insert(hash(challenge.realm))
                }
                guard isFirst, let use = uses[branch], use.nonces.contains(nonce), now - use.at < .seconds(31) else {
                    continue
                }
                refused.insert(mix(nonce, hash(message.callID, message) ?? 0))
            }
        }
    }

    // MARK: Datagrams for pranks

    mutating func keep(_ datagram: Simulation.Datagram) {
        guard keepsDatagrams else { return }
        if datagrams.count < Self.memory {
            datagrams.append(datagram)
        } else {
            datagrams[nextDatagram] = datagram
            nextDatagram = (nextDatagram + 1) % Self.memory
        }
    }

    /// A datagram of those that arrived lately, nil when none did.
    func anyDatagram(_ random: inout SeededRandom) -> Simulation.Datagram? {
        datagrams.isEmpty ? nil : datagrams[Int(random.next() % UInt64(datagrams.count))]
    }

    // MARK: The log

    /// The last messages of an endpoint in lines: of its registration, then all others.
    func log(of endpoint: Int) -> [String] { (logs[2 * endpoint] ?? []) + (logs[2 * endpoint + 1] ?? []) }

    private mutating func note(_ message: Message, _ way: String, _ endpoint: Int?, _ now: Instant) {
        guard keepsLog, let endpoint else { return }
        var line = "\((now - Instant.zero).seconds) \(way) "
        switch message.startLine {
        case .request(let method, let uri): line += "\(method) \(message.string(of: uri))"
        case .response(let status, let reason): line += "\(status) \(message.string(of: reason))"
        }
        for (name, slice) in [
            ("CSeq", message.first(.cSeq)), ("Call-ID", message.callID), ("branch", message.topVia?.branch),
            ("From tag", message.fromTag), ("To tag", message.toTag), ("challenge", message.first(.wwwAuthenticate)),
            ("challenge", message.first(.proxyAuthenticate)), ("credentials", message.first(.authorization)),
            ("credentials", message.first(.proxyAuthorization)), ("Contact", message.first(.contact)),
            ("Expires", message.first(.expires)),
        ] {
            if let slice { line += " | \(name) \(message.string(of: slice))" }
        }
        let key = 2 * endpoint + (message.cSeq?.method == .register ? 0 : 1)
        logs[key, default: []].append(line)
        if logs[key, default: []].count > Self.logLength { logs[key]?.removeFirst() }
    }

    // MARK: Small helpers

    /// Whose message it is: the sender of a request stands in From, so does the receiver of a response.
    private func endpoint(of message: Message, isSent: Bool) -> Int? {
        let isFrom = message.isRequest == isSent
        guard let address = isFrom ? message.from : message.to, let user = message.uri(address.uri)?.user else {
            return nil
        }
        let bytes = message.bytes(of: user)
        guard bytes.starts(with: "user".utf8), bytes.count < 14 else { return nil }
        var number = 0
        for byte in bytes.dropFirst(4) {
            guard (0x30...0x39).contains(byte) else { return nil }
            number = number * 10 + Int(byte - 0x30)
        }
        return number < endpoints ? number : nil
    }

    private func hash(_ slice: Slice?, _ message: Message) -> UInt64? { slice.map { message.hash(of: $0) } }

    /// The same hash as `Message.hash` gives.
    private func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        let state = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return (state ^ state >> 32) &* 0x9E37_79B9_7F4A_7C15
    }

    private func mix(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var value = (first &* 0x9E37_79B9_7F4A_7C15) ^ second
        value = (value ^ value >> 29) &* 0xBF58_476D_1CE4_E5B9
        return value ^ value >> 32
    }
}
