// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

extension PBXEngine {
    /// What a REGISTER asks for one contact.
    private struct Wish {
        var uri: [UInt8]
        var expires: UInt32
        var q: UInt16
        var peer: Peer
    }

    /// REGISTER (RFC 3261 §10.3).
    func register(_ message: Message, _ id: ServerTransactionID, uri: SIPURI, from peer: Peer, now: Instant) {
        guard serves(uri, of: message) else { return respond(id, 404, now: now) }
        guard let to = message.to, let user = message.unescapedUser(message.uri(to.uri)),
            let place = accounts.place(ofAddressUser: user), !accounts.states[place].faults.contains(.notFound)
        else { return respond(id, 404, now: now) }
        if refusesRegistration(id, place, now: now) { return }
        guard let account = authenticate(message, id, asProxy: false, expected: place, now: now) else { return }
        guard account == place, !accounts.states[place].faults.contains(.forbidden) else {
            return respond(id, 403, now: now)
        }
        guard let callID = message.callID.map({ Array(message.bytes(of: $0)) }), let cSeq = message.cSeq?.number else {
            return respond(id, 400, now: now)
        }
        accounts.states[place].removeExpired(now)

        var wishes: [Wish] = []
        var isWildcard = false
        var isMalformed = false
        message.forEachContact { contact in
            switch contact {
            case .all: isWildcard = true
            case .address(let address, let expires, let q):
                guard let uri = message.uri(address.uri) else {
                    isMalformed = true
                    break
                }
                wishes.append(
                    Wish(
                        uri: Array(message.bytes(of: address.uri)),
                        expires: expires ?? message.expires ?? configuration.defaultExpires, q: q ?? 1000,
                        peer: reach(uri, of: message, from: peer)))
            case nil: isMalformed = true
            }
            return true
        }
        if isMalformed || (isWildcard && (!wishes.isEmpty || message.expires != 0)) {
            return respond(id, 400, now: now)
        }
        let shortest = max(
            configuration.expires.lowerBound, accounts.states[place].faults.number(.tooBrief) ?? 0)
        if wishes.contains(where: { $0.expires > 0 && $0.expires < shortest }) {
            return refuseShort(id, shortest, now: now)
        }
        if refusesRefresh(place, wishes.map(\.uri), isRemoval: wishes.allSatisfy { $0.expires == 0 }, now: now) {
            return respond(id, 503, now: now)
        }
        let uris = wishes.filter { $0.expires > 0 }.map(\.uri)
        if refusesContacts(id, place, uris, now: now) { return }
        guard update(place, wishes, isWildcard: isWildcard, callID: callID, cSeq: cSeq, now: now) else {
            return respond(id, 500, now: now)
        }
        guard accounts.states[place].bindings.count <= AccountState.maximumBindings else {
            accounts.states[place].bindings.removeLast(
                accounts.states[place].bindings.count - AccountState.maximumBindings)
            return respond(id, 403, now: now)
        }
        confirm(id, place, now: now)
    }

    /// Takes the wishes over; false, and nothing changed, when one is older than what is there (RFC 3261 §10.3 steps 6 and 7).
    private func update(
        _ place: Int, _ wishes: [Wish], isWildcard: Bool, callID: [UInt8], cSeq: UInt32, now: Instant
    ) -> Bool {
        var bindings = accounts.states[place].bindings
        if isWildcard {
            guard !bindings.contains(where: { $0.callID == callID && $0.cSeq >= cSeq }) else { return false }
            bindings = []
        }
        let faults = accounts.states[place].faults
        if faults.contains(.dropOtherContacts) {
            bindings.removeAll { binding in !wishes.contains { $0.uri == binding.uri } }
        }
        for wish in wishes {
            let old = bindings.firstIndex { $0.uri == wish.uri }
            if let old {
                guard bindings[old].callID != callID || bindings[old].cSeq < cSeq else { return false }
                bindings.remove(at: old)
            }
            guard wish.expires > 0 else { continue }
            if flows[wish.peer.flow]?.transport.isReliable == true {
                accountsOnFlow[wish.peer.flow, default: []].insert(place)
            }
            var granted = min(wish.expires, configuration.expires.upperBound)
            if let most = faults.number(.shortExpires) { granted = min(granted, most) }
            bindings.append(
                Binding(
                    uri: wish.uri, callID: callID, cSeq: cSeq, expiresAt: now + .seconds(Int(granted)), peer: wish.peer,
                    q: wish.q))
        }
        accounts.states[place].bindings = faults.contains(.takenOver) ? [] : bindings
        return true
    }

    /// Where a contact is reached: over its connection; on UDP at the address it names if the request came from there, else where
    /// it came from, because then a NAT stands between.
    private func reach(_ uri: SIPURI, of message: Message, from peer: Peer) -> Peer {
        guard flows[peer.flow]?.transport.isReliable == false, message.ip(of: uri.host) == peer.address.ip else {
            return peer
        }
        return Peer(flow: peer.flow, address: TransportAddress(ip: peer.address.ip, port: uri.port ?? 5060))
    }

    /// 200 with all contacts and what is left of their time.
    private func confirm(_ id: ServerTransactionID, _ place: Int, now: Instant) {
        let isOutbound = configuration.isOutbound && layer.request(of: id)?.lists(.supported, "outbound") == true
        guard let start = layer.beginResponse(id, status: 200, toTag: makeTag()) else { return }
        if isOutbound {
            layer.writer.header(.require, "outbound")
            if let timer = configuration.flowTimer { layer.writer.header(.flowTimer, decimal: UInt64(timer)) }
        }
        let faults = accounts.states[place].faults
        for binding in accounts.states[place].bindings where !faults.contains(.missingContact) {
            layer.writer.beginHeader(.contact)
            layer.writer.output.append("<")
            layer.writer.output.append(binding.uri)
            layer.writer.output.append(">;expires=")
            let left = (binding.expiresAt - now).nanoseconds
            layer.writer.output.append(decimal: UInt64((left + 999_999_999) / 1_000_000_000))
            layer.writer.endLine()
        }
        if !faults.isEmpty { writeFaultyConfirmation(place, faults, now: now) }
        writeBanner(place)
        layer.writer.finish()
        layer.respond(id, status: 200, from: start, now: now)
        statistics.registrations += 1
    }

    private func refuseShort(_ id: ServerTransactionID, _ shortest: UInt32, now: Instant) {
        guard let start = layer.beginResponse(id, status: 423, toTag: makeTag()) else { return }
        layer.writer.header(.minExpires, decimal: UInt64(shortest))
        layer.writer.finish()
        layer.respond(id, status: 423, from: start, now: now)
    }
}
