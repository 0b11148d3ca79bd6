// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Why a challenge cannot be answered.
public enum DigestError: Error, Hashable, Sendable {
    /// Not Digest, or an algorithm or protection that we do not know.
    case unsupportedChallenge
    /// The account holds a key made with another hash function than the challenge asks for.
    case keyOfOtherAlgorithm
    /// The arena was wiped, or the secret is empty.
    case secretGone
}

/// Answers challenges with secrets of one arena (RFC 7616 §3.4).
public struct DigestResponder: Sendable {
    private let hashes: HashFunctions
    private let arena: SecretArena

    /// A responder over hash functions and the arena that holds the accounts' secrets.
    public init(hashes: HashFunctions, arena: SecretArena) {
        self.hashes = hashes
        self.arena = arena
    }

    /// What is being answered for.
    public struct Request {
        /// The request's method.
        public var method: Method
        /// The digest-uri: the Request-URI as sent.
        public var uri: [UInt8]
        /// The body, for `auth-int`.
        public var body: [UInt8]
        /// How often the nonce was used with this request included: 1 for the first (RFC 7616 §3.4).
        public var nonceCount: UInt32
        /// Chance; written as 16 hexadecimal digits.
        public var cnonce: UInt64

        /// A request from its parts.
        public init(method: Method, uri: [UInt8], body: [UInt8] = [], nonceCount: UInt32, cnonce: UInt64) {
            self.method = method
            self.uri = uri
            self.body = body
            self.nonceCount = nonceCount
            self.cnonce = cnonce
        }
    }

    /// Writes an Authorization or Proxy-Authorization line.
    ///
    /// - Parameters:
    ///   - name: `.authorization` for a 401's challenge, `.proxyAuthorization` for a 407's.
    ///   - username: the auth user, unescaped.
    /// - Throws: when the challenge cannot be answered; nothing is written then.
    public func write(
        _ name: HeaderName, for challenge: Challenge, username: [UInt8], credential: Credential, request: Request,
        to writer: inout MessageWriter
    ) throws(DigestError) {
        guard challenge.isAnswerable, let algorithm = challenge.algorithm else { throw .unsupportedChallenge }
        var hex = InlineArray<64, UInt8>(repeating: 0)
        var numbers = ByteWriter(capacity: 24)
        numbers.append(hex: UInt64(request.nonceCount), digits: 8)
        numbers.append(hex: request.cnonce, digits: 16)
        let digits = numbers.bytes
        if let failure = compute(challenge, algorithm, username, credential, request, digits, &hex) {
            throw failure
        }

        writer.beginHeader(name)
        writer.output.append("Digest username=\"")
        if challenge.wantsUserhash {
            writeUserhash(challenge, algorithm.hash, username, to: &writer.output)
        } else {
            for byte in username {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { writer.output.append(UInt8(ascii: "\\")) }
                writer.output.append(byte)
            }
        }
        writer.output.append("\", realm=\"")
        writer.output.append(challenge.realm)
        writer.output.append("\", nonce=\"")
        writer.output.append(challenge.nonce)
        writer.output.append("\", uri=\"")
        writer.output.append(request.uri)
        writer.output.append("\", response=\"")
        for index in 0..<algorithm.hash.digestLength * 2 { writer.output.append(hex[index]) }
        writer.output.append(UInt8(ascii: "\""))
        if challenge.namesAlgorithm {
            writer.output.append(", algorithm=")
            writer.output.append(algorithm.name)
        }
        if challenge.hasOpaque {
            writer.output.append(", opaque=\"")
            writer.output.append(challenge.opaque)
            writer.output.append(UInt8(ascii: "\""))
        }
        if challenge.chosenQop != .none {
            writer.output.append(challenge.chosenQop == .auth ? ", qop=auth, nc=" : ", qop=auth-int, nc=")
            writer.output.append(digits[..<8])
        }
        if challenge.chosenQop != .none || algorithm.isSession {
            // A -sess key depends on the cnonce even where no qop asks for it.
            writer.output.append(", cnonce=\"")
            writer.output.append(digits[8...])
            writer.output.append(UInt8(ascii: "\""))
        }
        if challenge.wantsUserhash { writer.output.append(", userhash=true") }
        writer.endLine()
    }

    private func writeUserhash(
        _ challenge: Challenge, _ algorithm: HashAlgorithm, _ username: [UInt8], to output: inout ByteWriter
    ) {
        var hex = InlineArray<64, UInt8>(repeating: 0)
        username.withUnsafeBytes { user in
            challenge.realm.withUnsafeBytes { realm in
                withUnsafeMutableBytes(of: &hex) {
                    hashes.writeUserhash(algorithm, username: user, realm: realm, into: $0)
                }
            }
        }
        for index in 0..<algorithm.digestLength * 2 { output.append(hex[index]) }
    }

    private func compute(
        _ challenge: Challenge, _ algorithm: DigestAlgorithm, _ username: [UInt8], _ credential: Credential,
        _ request: Request, _ numbers: [UInt8], _ hex: inout InlineArray<64, UInt8>
    ) -> DigestError? {
        var failure: DigestError?
        let method = request.method.name
        username.withUnsafeBytes { user in
            challenge.realm.withUnsafeBytes { realm in
                challenge.nonce.withUnsafeBytes { nonce in
                    request.uri.withUnsafeBytes { uri in
                        request.body.withUnsafeBytes { body in
                            numbers.withUnsafeBytes { numbers in
                                let parts = DigestParts(
                                    algorithm: algorithm, qop: challenge.chosenQop, username: user, realm: realm,
                                    nonce: nonce, cnonce: .init(rebasing: numbers[8...]),
                                    nonceCount: .init(rebasing: numbers[..<8]),
                                    method: .init(start: method.utf8Start, count: method.utf8CodeUnitCount), uri: uri,
                                    body: body)
                                withUnsafeMutableBytes(of: &hex) { output in
                                    failure = hashes.respond(parts, credential, arena: arena, into: output)
                                }
                            }
                        }
                    }
                }
            }
        }
        return failure
    }
}
