// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

extension PBXEngine {
    /// The account whose right credentials a request carries. Otherwise it was answered with a challenge, and nil.
    func authenticate(_ message: Message, _ id: ServerTransactionID, asProxy: Bool, now: Instant) -> Int? {
        var accepted: Int?
        var isStale = false
        message.forEachAuthorization(asProxy ? .proxyAuthorization : .authorization) { fields in
            guard message.unquoted(fields.realm) == configuration.realm,
                let place = accounts.place(ofUsername: message.unquoted(fields.username))
            else { return true }
            let account = accounts.states[place].account
            guard let algorithm = fields.algorithm, configuration.algorithms.contains(algorithm),
                verifier.accepts(
                    fields, of: message, username: account.username, credential: account.credential)
            else { return true }
            // The password is right: from here on only the nonce can be wrong, which `stale` says (RFC 7616 §3.3).
            guard let nonce = nonces.read(message.bytes(of: fields.nonce)), nonce.issued <= now,
                now - nonce.issued <= configuration.nonceLifetime,
                accounts.states[place].use(nonce, count: fields.nonceCount)
            else {
                isStale = true
                return true
            }
            accepted = place
            return false
        }
        if let accepted, !accounts.states[accepted].faults.contains(.wrongPassword) { return accepted }
        challenge(id, asProxy: asProxy, isStale: accepted == nil && isStale, now: now)
        return nil
    }

    private func challenge(_ id: ServerTransactionID, asProxy: Bool, isStale: Bool, now: Instant) {
        let status: UInt16 = asProxy ? 407 : 401
        guard let start = layer.beginResponse(id, status: status, toTag: makeTag()) else { return }
        for algorithm in configuration.algorithms {
            layer.writer.beginHeader(asProxy ? .proxyAuthenticate : .wwwAuthenticate)
            layer.writer.output.append("Digest realm=\"")
            for byte in configuration.realm {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    layer.writer.output.append(UInt8(ascii: "\\"))
                }
                layer.writer.output.append(byte)
            }
            layer.writer.output.append("\", nonce=\"")
            nonces.write(now: now, to: &layer.writer.output)
            layer.writer.output.append("\", algorithm=")
            layer.writer.output.append(algorithm.name)
            if configuration.offersQop { layer.writer.output.append(", qop=\"auth\"") }
            if isStale { layer.writer.output.append(", stale=true") }
            layer.writer.endLine()
        }
        layer.writer.finish()
        layer.respond(id, status: status, from: start, now: now)
        statistics.challenges += 1
    }
}
