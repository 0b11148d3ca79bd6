// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// A challenge of WWW-Authenticate or Proxy-Authenticate, kept apart from the message it came in (RFC 7616 §3.3).
public struct Challenge: Hashable, Sendable {
    /// Challenges read of one message: more than any chain of proxies has, and a bound for a server that makes them up.
    static let limit = 16
    /// Bytes of realm, nonce and opaque that are answered: they are sent back in each request, which must fit a datagram.
    static let storageLimit = 4096

    /// Realm, nonce and opaque one after the other, escapes in them left as sent.
    private let storage: [UInt8]
    private let realmLength: UInt16
    private let nonceLength: UInt16

    /// Whether the scheme is Digest; others cannot be answered.
    public let isDigest: Bool
    /// The algorithm, MD5 when none is named; nil for one we do not know.
    public let algorithm: DigestAlgorithm?
    /// Whether `algorithm` was there: a response names it only then.
    public let namesAlgorithm: Bool
    /// Whether the answered nonce was only too old (RFC 7616 §3.3, `stale`).
    public let isStale: Bool
    /// Whether the username is to be sent hashed (RFC 7616 §3.4.4, `userhash`).
    public let wantsUserhash: Bool
    /// Whether an `opaque` was there, an empty one too.
    public let hasOpaque: Bool
    /// The protection offered; empty means the legacy form.
    public let qop: QopOptions

    /// The realm as sent.
    public var realm: ArraySlice<UInt8> { storage[..<Int(realmLength)] }
    /// The nonce as sent.
    public var nonce: ArraySlice<UInt8> { storage[Int(realmLength)..<Int(realmLength) + Int(nonceLength)] }
    /// The opaque as sent, empty when there was none.
    public var opaque: ArraySlice<UInt8> { storage[(Int(realmLength) + Int(nonceLength))...] }
    /// The realm as text that is safe to show, for results.
    public var realmText: String { String(printable: realm) }

    /// Whether `DigestResponder` can answer it: Digest, an algorithm and a protection that we know, realm and nonce there.
    public var isAnswerable: Bool {
        isDigest && algorithm != nil && nonceLength > 0 && storage.count <= Self.storageLimit
            && (qop.isEmpty || qop.contains(.auth) || qop.contains(.authInt))
    }

    /// The protection an answer uses: `auth` where it is offered.
    public var chosenQop: Qop { qop.contains(.auth) ? .auth : qop.contains(.authInt) ? .authInt : .none }

    /// Reads the next challenge of a header value; several may follow each other with commas. Nil at the end.
    init?(_ scanner: inout Scanner) {
        let bytes = scanner.bytes
        scanner.skipListSeparators()
        let scheme = scanner.token()
        guard !scheme.isEmpty else { return nil }
        isDigest = bytes.matchesIgnoringCase(scheme, "digest")
        var realm: Slice?
        var nonce: Slice?
        var opaque: Slice?
        var algorithm: DigestAlgorithm? = DigestAlgorithm(.md5)
        var namesAlgorithm = false
        var isStale = false
        var wantsUserhash = false
        var qop: QopOptions = []
        while let (name, value) = scanner.authParameter() {
            if bytes.matchesIgnoringCase(name, "realm") {
                realm = realm ?? value
            } else if bytes.matchesIgnoringCase(name, "nonce") {
                nonce = nonce ?? value
            } else if bytes.matchesIgnoringCase(name, "opaque") {
                opaque = value
            } else if bytes.matchesIgnoringCase(name, "algorithm") {
                algorithm = DigestAlgorithm(bytes, value)
                namesAlgorithm = true
            } else if bytes.matchesIgnoringCase(name, "stale") {
                isStale = bytes.matchesIgnoringCase(value, "true")
            } else if bytes.matchesIgnoringCase(name, "userhash") {
                wantsUserhash = bytes.matchesIgnoringCase(value, "true")
            } else if bytes.matchesIgnoringCase(name, "qop") {
                qop = Self.options(bytes, value)
            }
        }
        (self.algorithm, self.namesAlgorithm, self.isStale, self.qop) = (algorithm, namesAlgorithm, isStale, qop)
        self.wantsUserhash = wantsUserhash
        hasOpaque = opaque != nil
        realmLength = realm?.length ?? 0
        nonceLength = nonce?.length ?? 0
        var storage: [UInt8] = []
        storage.reserveCapacity(Int(realmLength) + Int(nonceLength) + Int(opaque?.length ?? 0))
        for slice in [realm, nonce, opaque] {
            if let slice { storage.append(contentsOf: bytes.part(slice)) }
        }
        self.storage = storage
    }

    private static func options(_ bytes: UnsafeRawBufferPointer, _ list: Slice) -> QopOptions {
        var options: QopOptions = []
        var scanner = Scanner(bytes, list)
        while let element = scanner.listElement() {
            if bytes.matchesIgnoringCase(element, "auth") {
                options.insert(.auth)
            } else if bytes.matchesIgnoringCase(element, "auth-int") {
                options.insert(.authInt)
            } else {
                options.insert(.unknown)
            }
        }
        return options
    }

    /// The same challenge with the nonce that a server announced for the next request (`nextnonce`, RFC 7616 §3.5).
    public func with(nonce next: some Collection<UInt8>) -> Challenge? {
        guard next.count <= Int(UInt16.max), !next.isEmpty else { return nil }
        return Challenge(self, nonce: next)
    }

    private init(_ other: Challenge, nonce: some Collection<UInt8>) {
        storage = Array(other.realm) + Array(nonce) + Array(other.opaque)
        realmLength = other.realmLength
        nonceLength = UInt16(nonce.count)
        isDigest = other.isDigest
        algorithm = other.algorithm
        namesAlgorithm = other.namesAlgorithm
        isStale = false
        wantsUserhash = other.wantsUserhash
        hasOpaque = other.hasOpaque
        qop = other.qop
    }
}

extension Message {
    /// The challenges of WWW-Authenticate or Proxy-Authenticate in the order sent, which is the server's preference (RFC 8760
    /// §2.4); several lines and several in a line.
    public func challenges(_ name: HeaderName) -> [Challenge] {
        var found: [Challenge] = []
        forEach(name) { value in
            withBytes { bytes in
                var scanner = Scanner(bytes, value)
                while found.count < Challenge.limit, let challenge = Challenge(&scanner) { found.append(challenge) }
            }
        }
        return found
    }

    /// The nonce for the next request that Authentication-Info announces, nil when there is none (RFC 7616 §3.5).
    public var nextNonce: Slice? {
        guard let value = first(.authenticationInfo) else { return nil }
        return withBytes { bytes in
            var scanner = Scanner(bytes, value)
            while let (name, value) = scanner.authParameter() {
                if bytes.matchesIgnoringCase(name, "nextnonce") { return value }
            }
            return nil
        }
    }
}

extension Scanner {
    mutating func skipListSeparators() {
        while let byte = next, ASCII.isWhitespace(byte) || byte == UInt8(ascii: ",") { _ = consume(byte) }
    }

    /// The next `name=value` of an authentication header, quotes taken off. Nil at the end, at a malformed one, and before
    /// another scheme, which is a token that no `=` follows.
    mutating func authParameter() -> (name: Slice, value: Slice)? {
        let start = self
        skipListSeparators()
        let name = token()
        guard !name.isEmpty, consumeSeparator(UInt8(ascii: "=")) else {
            self = start
            return nil
        }
        if next == UInt8(ascii: "\"") {
            guard let value = quoted() else {
                self = start
                return nil
            }
            return (name, value)
        }
        // A quote within a bare value would end the quoted string that it is sent back in, a backslash would lengthen it.
        let value = run { $0 != UInt8(ascii: ",") && !ASCII.isWhitespace($0) }
        guard value.range.allSatisfy({ bytes[$0] != UInt8(ascii: "\"") && bytes[$0] != UInt8(ascii: "\\") }) else {
            self = start
            return nil
        }
        return (name, value)
    }
}
