// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// What the registrar does wrong on demand.
extension PBXEngine {
    /// Plays 503, 480 and 302. True when the REGISTER was answered with it.
    func refusesRegistration(_ id: ServerTransactionID, _ place: Int, now: Instant) -> Bool {
        let faults = accounts.states[place].faults
        guard !faults.isEmpty else { return false }
        if faults.contains(.addressForbidden) {
            respond(id, 403, now: now)
            return true
        }
        if let target = faults.text(.redirect) {
            redirect(id, to: target, now: now)
            return true
        }
        for (kind, status): (PBXFault.Kind, UInt16) in [(.unavailable, 503), (.temporarilyUnavailable, 480)]
        where faults.contains(kind) {
            guard let seconds = faults.number(kind) else {
                respond(id, status, now: now)
                return true
            }
            let end = accounts.states[place].play.closedUntil ?? now + .seconds(Int(seconds))
            accounts.states[place].play.closedUntil = end
            guard end > now else { continue }
            let left = UInt64(((end - now).nanoseconds + 999_999_999) / 1_000_000_000)
            guard let start = layer.beginResponse(id, status: status, toTag: makeTag()) else { return true }
            layer.writer.header(.retryAfter, decimal: left)
            writeBanner(place)
            layer.writer.finish()
            layer.respond(id, status: status, from: start, now: now)
            return true
        }
        return false
    }

    private func redirect(_ id: ServerTransactionID, to target: [UInt8], now: Instant) {
        guard let start = layer.beginResponse(id, status: 302, toTag: makeTag()) else { return }
        layer.writer.beginHeader(.contact)
        layer.writer.output.append("<sip:")
        layer.writer.output.append(target)
        layer.writer.output.append(">")
        layer.writer.endLine()
        layer.writer.finish()
        layer.respond(id, status: 302, from: start, now: now)
    }

    /// Plays `max-contacts`: says why in a Warning, as servers seldom do, so that it can be told from other 403s.
    func refusesContacts(_ id: ServerTransactionID, _ place: Int, _ uris: [[UInt8]], now: Instant) -> Bool {
        let state = accounts.states[place]
        guard let most = state.faults.number(.maxContacts), !uris.isEmpty else { return false }
        let others = state.bindings.count { !uris.contains($0.uri) }
        guard others + uris.count > Int(most), let start = layer.beginResponse(id, status: 403, toTag: makeTag()) else {
            return false
        }
        layer.writer.beginHeader(.warning)
        layer.writer.output.append("399 callmeter \"maximum of contacts reached\"")
        layer.writer.endLine()
        writeBanner(place)
        layer.writer.finish()
        layer.respond(id, status: 403, from: start, now: now)
        return true
    }

    /// Plays `refresh-503`: of the refreshes of a contact that stands, every other one is refused.
    func refusesRefresh(_ place: Int, _ uris: [[UInt8]], isRemoval: Bool, now: Instant) -> Bool {
        let state = accounts.states[place]
        guard state.faults.contains(.refreshUnavailable), !isRemoval,
            state.bindings.contains(where: { $0.expiresAt > now && uris.contains($0.uri) })
        else { return false }
        accounts.states[place].play.hasRefusedRefresh.toggle()
        return accounts.states[place].play.hasRefusedRefresh
    }

    /// Writes what faults add to the 200: foreign contacts, and the next nonce.
    func writeFaultyConfirmation(_ place: Int, _ faults: AccountFaults, now: Instant) {
        if let count = faults.number(.extraBindings) {
            let user = accounts.states[place].account.addressUser
            for number in 0..<min(count, UInt32(AccountState.maximumBindings)) {
                layer.writer.beginHeader(.contact)
                layer.writer.output.append("<sip:")
                layer.writer.output.append(user)
                layer.writer.output.append("@203.0.113.")
                layer.writer.output.append(decimal: UInt64(number + 1))
                layer.writer.output.append(":5060>;expires=300")
                layer.writer.endLine()
            }
        }
        if faults.contains(.takenOver) {
            layer.writer.beginHeader(.contact)
            layer.writer.output.append("<sip:")
            layer.writer.output.append(accounts.states[place].account.addressUser)
            layer.writer.output.append("@203.0.113.99:5060>;expires=300")
            layer.writer.endLine()
        }
        guard faults.contains(.nextNonce) else { return }
        layer.writer.beginHeader(.authenticationInfo)
        layer.writer.output.append("nextnonce=\"")
        let start = layer.writer.output.count
        nonces.write(now: now, to: &layer.writer.output)
        let nonce = layer.writer.output.bytes[start...]
        accounts.states[place].play.nextNonce = nonces.read(nonce)
        layer.writer.output.append("\", qop=auth")
        layer.writer.endLine()
    }
}
