// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// What the challenges to one account look like: the configuration, the profile, and the account's faults together.
struct ChallengeShape {
    /// How the algorithm is written.
    enum AlgorithmText {
        case plain, quoted, absent, smallLetters
    }

    /// All must be answered at once.
    var realms: [[UInt8]]
    var algorithms: [DigestAlgorithm]
    var algorithmText = AlgorithmText.plain
    /// Nil for the legacy form.
    var qop: StaticString?
    var wantsUserhash = false
    var isUnknown = false

    init(_ configuration: PBXConfiguration, _ faults: AccountFaults?, serial: UInt32) {
        realms = [configuration.realm]
        algorithms = configuration.algorithms
        qop = configuration.offersQop && configuration.profile.offersQop ? "auth" : nil
        switch configuration.profile {
        case .asterisk: algorithmText = .smallLetters
        case .kamailio where algorithms == [DigestAlgorithm(.md5)]: algorithmText = .absent
        default: break
        }
        if let faults, !faults.isEmpty { apply(faults, serial: serial) }
    }

    private mutating func apply(_ faults: AccountFaults, serial: UInt32) {
        if faults.contains(.otherRealm) { realms = [faults.text(.otherRealm) ?? Array("elsewhere.example".utf8)] }
        if faults.contains(.changingRealm), serial > 0 {
            var realm = ByteWriter(capacity: 32)
            realm.append(realms[0])
            realm.append("-")
            realm.append(decimal: UInt64(serial))
            realms = [realm.bytes]
        }
        if faults.contains(.twoRealms) { realms.append(Array("second.".utf8) + realms[0]) }
        if faults.contains(.twoAlgorithms) { algorithms = [DigestAlgorithm(.sha256), DigestAlgorithm(.md5)] }
        if faults.contains(.sha256) { algorithms = [DigestAlgorithm(.sha256)] }
        if faults.contains(.sha512Half) { algorithms = [DigestAlgorithm(.sha512_256)] }
        if faults.contains(.session) { algorithms = algorithms.map { DigestAlgorithm($0.hash, isSession: true) } }
        if algorithms != [DigestAlgorithm(.md5)], algorithmText == .absent { algorithmText = .plain }
        if faults.contains(.quotedAlgorithm) { algorithmText = .quoted }
        if faults.contains(.noAlgorithm) {
            algorithms = [DigestAlgorithm(.md5)]
            algorithmText = .absent
        }
        if faults.contains(.legacyNoQop) { qop = nil }
        if faults.contains(.authInt) { qop = "auth-int" }
        wantsUserhash = faults.contains(.userhash)
        isUnknown = faults.contains(.unknownAlgorithm)
    }

    /// Writes one challenge behind its header's name.
    func write(
        realm: [UInt8], _ algorithm: DigestAlgorithm, isStale: Bool, profile: PBXProfile, now: Instant,
        nonces: inout NonceMaker, to output: inout ByteWriter
    ) {
        let separator = profile.separator
        output.append(profile.scheme)
        output.append("realm=\"")
        for byte in realm {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { output.append(UInt8(ascii: "\\")) }
            output.append(byte)
        }
        output.append("\"")
        output.append(separator)
        output.append("nonce=\"")
        nonces.write(now: now, to: &output)
        output.append("\"")
        if profile.hasOpaque {
            output.append(separator)
            output.append("opaque=\"5ca1ab1e0ddba11c\"")
        }
        if isStale, profile.stalesEarly {
            output.append(separator)
            output.append("stale=true")
        }
        write(algorithm, separator, to: &output)
        if let qop {
            output.append(separator)
            output.append("qop=\"")
            output.append(qop)
            output.append("\"")
        }
        if wantsUserhash {
            output.append(separator)
            output.append("userhash=true")
        }
        if isStale, !profile.stalesEarly {
            output.append(separator)
            output.append("stale=true")
        }
    }

    private func write(_ algorithm: DigestAlgorithm, _ separator: StaticString, to output: inout ByteWriter) {
        guard algorithmText != .absent else { return }
        output.append(separator)
        output.append("algorithm=")
        if isUnknown { return output.append("SHA3-512") }
        switch algorithmText {
        case .plain: output.append(algorithm.name)
        case .quoted:
            output.append("\"")
            output.append(algorithm.name)
            output.append("\"")
        case .smallLetters:
            algorithm.name.withUTF8Buffer { name in
                for byte in name { output.append((0x41...0x5A).contains(byte) ? byte | 0x20 : byte) }
            }
        case .absent: break
        }
    }
}
