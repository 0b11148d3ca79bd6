// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The fields of a received Authorization or Proxy-Authorization (RFC 7616 §3.4), quotes taken off, escapes left as sent.
public struct AuthorizationFields: Hashable, Sendable {
    /// The user.
    public let username: Slice
    /// The realm.
    public let realm: Slice
    /// The nonce.
    public let nonce: Slice
    /// The digest-uri.
    public let uri: Slice
    /// The response, hexadecimal.
    public let response: Slice
    /// The algorithm, MD5 when none is named; nil for one we do not know.
    public let algorithm: DigestAlgorithm?
    /// The protection used; nil for one we do not know.
    public let qop: Qop?
    /// Whether `username` is a hash of the name (RFC 7616 §3.4.4).
    public let isUserhash: Bool
    /// The client's nonce, nil when there is none.
    public let cnonce: Slice?
    /// `nc` as sent, nil when there is none.
    public let nonceCountText: Slice?
    /// `nc` as a number, nil when missing or not hexadecimal.
    public let nonceCount: UInt32?

    /// Reads a header value. Nil when it is not Digest or lacks a field that every response has.
    init?(_ bytes: UnsafeRawBufferPointer, at value: Slice) {
        var scanner = Scanner(bytes, value)
        scanner.skipWhitespace()
        guard bytes.matchesIgnoringCase(scanner.token(), "digest") else { return nil }
        var username: Slice?
        var realm: Slice?
        var nonce: Slice?
        var uri: Slice?
        var response: Slice?
        var algorithm: DigestAlgorithm? = DigestAlgorithm(.md5)
        var qop: Qop? = Qop.none
        var cnonce: Slice?
        var count: Slice?
        var isUserhash = false
        while let (name, value) = scanner.authParameter() {
            if bytes.matchesIgnoringCase(name, "username") {
                username = value
            } else if bytes.matchesIgnoringCase(name, "realm") {
                realm = value
            } else if bytes.matchesIgnoringCase(name, "nonce") {
                nonce = value
            } else if bytes.matchesIgnoringCase(name, "uri") {
                uri = value
            } else if bytes.matchesIgnoringCase(name, "response") {
                response = value
            } else if bytes.matchesIgnoringCase(name, "algorithm") {
                algorithm = DigestAlgorithm(bytes, value)
            } else if bytes.matchesIgnoringCase(name, "qop") {
                qop =
                    bytes.matchesIgnoringCase(value, "auth")
                    ? .auth : bytes.matchesIgnoringCase(value, "auth-int") ? .authInt : nil
            } else if bytes.matchesIgnoringCase(name, "cnonce") {
                cnonce = value
            } else if bytes.matchesIgnoringCase(name, "userhash") {
                isUserhash = bytes.matchesIgnoringCase(value, "true")
            } else if bytes.matchesIgnoringCase(name, "nc") {
                count = value
            }
        }
        guard let username, let realm, let nonce, let uri, let response else { return nil }
        (self.username, self.realm, self.nonce, self.uri) = (username, realm, nonce, uri)
        (self.response, self.algorithm, self.qop, self.cnonce) = (response, algorithm, qop, cnonce)
        self.isUserhash = isUserhash
        nonceCountText = count
        nonceCount = count.flatMap { text in
            guard (1...8).contains(text.length) else { return nil }
            var value: UInt32 = 0
            for place in text.range {
                guard let digit = ASCII.hexValue(bytes[place]) else { return nil }
                value = value << 4 | UInt32(digit)
            }
            return value
        }
    }
}

extension Message {
    /// Visits the digest answers in Authorization or Proxy-Authorization until `visit` answers false; others are left out.
    public func forEachAuthorization(_ name: HeaderName, _ visit: (AuthorizationFields) -> Bool) {
        var goesOn = true
        forEach(name) { value in
            guard goesOn, let fields = withBytes({ AuthorizationFields($0, at: value) }) else { return }
            goesOn = visit(fields)
        }
    }
}

/// Checks digest answers against the secrets of one arena: the server's side.
public struct DigestVerifier: Sendable {
    private let hashes: HashFunctions
    private let arena: SecretArena

    /// A verifier over hash functions and the arena that holds the accounts' secrets.
    public init(hashes: HashFunctions, arena: SecretArena) {
        self.hashes = hashes
        self.arena = arena
    }

    /// Whether the answer was made with this credential. Nonce, realm and nonce count are the caller's to judge.
    ///
    /// - Parameter username: the account's own name, unescaped.
    public func accepts(
        _ fields: AuthorizationFields, of message: Message, username: [UInt8], credential: Credential
    ) -> Bool {
        guard let algorithm = fields.algorithm, let qop = fields.qop else { return false }
        guard qop == .none || (fields.cnonce != nil && fields.nonceCount != nil) else { return false }
        let size = algorithm.hash.digestLength * 2
        guard Int(fields.response.length) == size else { return false }
        var expected = InlineArray<64, UInt8>(repeating: 0)
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        return message.withBytes { bytes in
            username.withUnsafeBytes { user in
                let parts = DigestParts(
                    algorithm: algorithm, qop: qop, username: user, realm: bytes.part(fields.realm),
                    nonce: bytes.part(fields.nonce), cnonce: fields.cnonce.map { bytes.part($0) } ?? nothing,
                    nonceCount: fields.nonceCountText.map { bytes.part($0) } ?? nothing,
                    method: bytes.part(message.methodToken), uri: bytes.part(fields.uri), body: bytes.part(message.body)
                )
                let failure = withUnsafeMutableBytes(of: &expected) { output in
                    hashes.respond(parts, credential, arena: arena, into: output)
                }
                guard failure == nil else { return false }
                // In constant time, so that the answer's delay says nothing about how much was right.
                var difference: UInt8 = 0
                for index in 0..<size {
                    difference |= expected[index] ^ ASCII.lower(bytes[fields.response.start + index])
                }
                return difference == 0
            }
        }
    }
}
