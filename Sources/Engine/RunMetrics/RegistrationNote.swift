// SPDX-License-Identifier: Apache-2.0

/// Something unusual that a registration met and dealt with, or stopped at; a result lists them in order.
public enum RegistrationNote: Hashable, Sendable, Codable {
    /// The next challenge named another realm (F3).
    case realmChanged(from: String, to: String)
    /// Each challenge named another realm, more often than is followed.
    case realmsNeverSettled
    /// Right or untested credentials were met with a new nonce each time.
    case noncesNeverAccepted
    /// A challenge that this account's registrar never made was not answered.
    case foreignRealm(String)
    /// The server asked to wait (Retry-After, seconds), and it was waited as long.
    case waited(seconds: UInt32, asked: UInt32, status: UInt16)
    /// The server asked to wait longer than a registration waits.
    case waitTooLong(asked: UInt32, status: UInt16)
    /// The server sent the registration elsewhere, and it went there.
    case redirected(to: String)
    /// The server sent the registration elsewhere, where it could not go: a name, a circle, another connection.
    case redirectRefused(to: String)
    /// The shortest expiry the server takes was asked for instead (423), seconds.
    case expiryRaised(to: UInt32)
    /// The list of contacts in the 200 did not have ours.
    case ownContactMissing
    /// A refresh failed with this status, 0 for no answer, and was tried again while the binding stood.
    case refreshTriedAgain(status: UInt16)
    /// The registration was made again on another connection.
    case rebound
    /// A nonce that a refresh had been accepted with was refused, so many seconds old, and not called stale.
    case nonceForgotten(age: UInt32)

    /// So young a nonce that was good is not refused as a matter of course, in seconds.
    public static let youngNonce: UInt32 = 30

    /// Whether it is worth a warning by itself, on an endpoint that came through.
    public var isWarning: Bool {
        switch self {
        case .ownContactMissing: true
        case .nonceForgotten(let age): age < Self.youngNonce
        default: false
        }
    }

    /// The note as a sentence without a full stop.
    public var sentence: String {
        switch self {
        case .realmChanged(let from, let to): "the realm changed from '\(from)' to '\(to)'"
        case .realmsNeverSettled: "each challenge named another realm"
        case .noncesNeverAccepted: "each answer was met with a new nonce"
        case .foreignRealm(let realm): "a challenge for the foreign realm '\(realm)' was not answered"
        case .waited(let seconds, let asked, let status):
            "waited \(seconds) s after \(status)" + (asked == seconds ? "" : " (the server asked for \(asked) s)")
        case .waitTooLong(let asked, let status): "\(status) asked to wait \(asked) s, which is too long"
        case .redirected(let place): "the server redirected to \(place)"
        case .redirectRefused(let place): "the server redirected to \(place), which was not followed"
        case .expiryRaised(let seconds): "the server wants an expiry of at least \(seconds) s"
        case .ownContactMissing: "our own contact is missing in the server's list"
        case .refreshTriedAgain(let status):
            status == 0 ? "a refresh got no answer and was tried again" : "a refresh got \(status) and was tried again"
        case .rebound: "registered again on another connection"
        case .nonceForgotten(let age):
            "a nonce that had been accepted was refused after \(age) s, and not called stale"
        }
    }
}

/// The algorithm that a challenge was answered with (RFC 8760 §2.1). The raw value is its name.
public enum AnsweredAlgorithm: String, Hashable, Sendable, Codable {
    case md5 = "MD5"
    case md5Session = "MD5-sess"
    case sha256 = "SHA-256"
    case sha256Session = "SHA-256-sess"
    case sha512Half = "SHA-512-256"
    case sha512HalfSession = "SHA-512-256-sess"
}

extension RegistrationEvidence {
    /// Notes kept: enough to see what went on, bounded for registrations that are held for days.
    public static let mostNotes = 16

    /// Adds a note, unless it repeats the last one or there are too many.
    public mutating func note(_ note: RegistrationNote) {
        guard let present = notes else {
            notes = [note]
            return
        }
        guard present.count < Self.mostNotes, present.last != note else { return }
        notes?.append(note)
    }
}
