// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

extension PBXEngine {
    /// What a request's credentials for one kind of challenge are worth.
    private struct Finding {
        /// The account whose right credentials there are for every realm asked for.
        var account: Int?
        /// Whether only a nonce was wrong.
        var isStale = false
    }

    /// The account whose right credentials a request carries. Otherwise it was answered with a challenge, and nil.
    ///
    /// - Parameter expected: the account that the request names as its own; its faults are played.
    func authenticate(
        _ message: Message, _ id: ServerTransactionID, asProxy: Bool, expected: Int?, now: Instant
    ) -> Int? {
        let faults = expected.map { accounts.states[$0].faults }
        let serial = expected.map { accounts.states[$0].play.serial } ?? 0
        var shape = ChallengeShape(configuration, faults, serial: serial)
        if let faults, !asProxy, faults.contains(.proxyChain) {
            var before = shape
            before.realms = [Array("proxy.".utf8) + configuration.realm]
            let found = find(message, before, asProxy: true, expected: expected, now: now)
            guard found.account != nil else {
                challenge(id, before, asProxy: true, isStale: found.isStale, expected, now: now)
                return nil
            }
        }
        let found = find(message, shape, asProxy: asProxy, expected: expected, now: now)
        guard let account = found.account, !refusesPassword(of: account, asProxy: asProxy, now: now) else {
            challenge(
                id, shape, asProxy: asProxy, isStale: found.account == nil && found.isStale, expected, now: now)
            return nil
        }
        guard let faults, let expected, !faults.isEmpty, let isStale = refuses(faults, expected) else { return account }
        shape = ChallengeShape(configuration, faults, serial: accounts.states[expected].play.serial)
        challenge(id, shape, asProxy: asProxy, isStale: isStale, expected, now: now)
        return nil
    }

    /// Whether right credentials are refused once more, and whether as stale; nil when they are not.
    private func refuses(_ faults: AccountFaults, _ place: Int) -> Bool? {
        for kind: PBXFault.Kind in [.changingRealm, .staleEachTime, .newNonceNoStale, .otherBackend] {
            guard let most = faults.number(kind) else { continue }
            guard accounts.states[place].play.refusals < most else {
                accounts.states[place].play.refusals = 0
                return nil
            }
            accounts.states[place].play.refusals += 1
            accounts.states[place].play.serial += 1
            return kind == .staleEachTime
        }
        return nil
    }

    private func find(
        _ message: Message, _ shape: ChallengeShape, asProxy: Bool, expected: Int?, now: Instant
    ) -> Finding {
        var finding = Finding()
        var answered = 0
        message.forEachAuthorization(asProxy ? .proxyAuthorization : .authorization) { fields in
            let realm = message.unquoted(fields.realm)
            guard !shape.isUnknown, shape.realms.contains(realm),
                let place = account(of: fields, realm: realm, in: message, expected: expected)
            else { return true }
            let account = accounts.states[place].account
            guard let algorithm = fields.algorithm, shape.algorithms.contains(algorithm),
                verifier.accepts(fields, of: message, username: account.username, credential: account.credential),
                !hasForgotten(nonces.read(message.bytes(of: fields.nonce)), place)
            else { return true }
            // The password is right: from here on only the nonce can be wrong, which `stale` says (RFC 7616 §3.3).
            guard let nonce = nonces.read(message.bytes(of: fields.nonce)), nonce.issued <= now,
                now - nonce.issued <= configuration.nonceLifetime, isWanted(nonce, place),
                accounts.states[place].use(nonce, count: fields.nonceCount)
            else {
                finding.isStale = true
                return true
            }
            answered += 1
            if answered == shape.realms.count { finding.account = place }
            return finding.account == nil
        }
        return finding
    }

    /// The account of a digest answer: by its username, or by its hash (RFC 7616 §3.4.4), which only the expected one can have.
    private func account(
        of fields: AuthorizationFields, realm: [UInt8], in message: Message, expected: Int?
    ) -> Int? {
        guard fields.isUserhash else { return accounts.place(ofUsername: message.unquoted(fields.username)) }
        guard let expected, let algorithm = fields.algorithm else { return nil }
        var hex = InlineArray<64, UInt8>(repeating: 0)
        let size = algorithm.hash.digestLength * 2
        return accounts.states[expected].account.username.withUnsafeBytes { user in
            realm.withUnsafeBytes { realm in
                withUnsafeMutableBytes(of: &hex) { output in
                    hashes.writeUserhash(algorithm.hash, username: user, realm: realm, into: output)
                    let isRight = message.withBytes(of: fields.username) { $0.elementsEqual(output[..<size]) }
                    return isRight ? expected : nil
                }
            }
        }
    }

    /// With `nextnonce`, whether this is the one that was announced.
    private func isWanted(_ nonce: NonceMaker.Nonce, _ place: Int) -> Bool {
        guard let wanted = accounts.states[place].play.nextNonce else { return true }
        return nonce == wanted || nonce.serial > wanted.serial
    }

    private func challenge(
        _ id: ServerTransactionID, _ shape: ChallengeShape, asProxy: Bool, isStale: Bool, _ place: Int?, now: Instant
    ) {
        let status: UInt16 = asProxy ? 407 : 401
        guard let start = layer.beginResponse(id, status: status, toTag: makeTag()) else { return }
        for realm in shape.realms {
            for algorithm in shape.algorithms {
                layer.writer.beginHeader(asProxy ? .proxyAuthenticate : .wwwAuthenticate)
                shape.write(
                    realm: realm, algorithm, isStale: isStale, profile: configuration.profile, now: now,
                    nonces: &nonces, to: &layer.writer.output)
                layer.writer.endLine()
            }
        }
        writeBanner(place)
        layer.writer.finish()
        layer.respond(id, status: status, from: start, now: now)
        statistics.challenges += 1
    }

    /// Writes how the server calls itself: as its profile does, or as one of several backends.
    func writeBanner(_ place: Int?) {
        if let place, accounts.states[place].faults.contains(.otherBackend) {
            layer.writer.beginHeader(.server)
            layer.writer.output.append("backend ")
            layer.writer.output.append(decimal: UInt64(accounts.states[place].play.serial % 2 + 1))
            return layer.writer.endLine()
        }
        guard let banner = configuration.profile.banner else { return }
        layer.writer.output.append(banner.name)
        layer.writer.output.append(": ")
        layer.writer.output.append(banner.value)
        layer.writer.endLine()
    }

    /// Challenges a BYE to an extension for a foreign realm (`dialog-challenge`): whoever answers gives a digest away.
    ///
    /// - Returns: false when no fault says so.
    func stealDigest(_ message: Message, _ id: ServerTransactionID, now: Instant) -> Bool {
        guard let user = message.fromUser, let place = accounts.place(ofAddressUser: user),
            accounts.states[place].faults.contains(.dialogChallenge)
        else { return false }
        let realm = accounts.states[place].faults.text(.dialogChallenge) ?? Array("elsewhere.example".utf8)
        var isStolen = false
        message.forEachAuthorization(.proxyAuthorization) { fields in
            isStolen = isStolen || message.unquoted(fields.realm) == realm
            return true
        }
        if isStolen { statistics.stolenDigests += 1 }
        var shape = ChallengeShape(configuration, nil, serial: 0)
        shape.realms = [realm]
        challenge(id, shape, asProxy: true, isStale: false, nil, now: now)
        return true
    }
}
