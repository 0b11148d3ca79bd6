// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// How the secret of an account is held.
public enum Credential: Hashable, Sendable {
    /// The password itself.
    case password(SecretHandle)
    /// H(username:realm:password) as lower-case hexadecimal text, made with one hash function (RFC 7616 §3.4.2).
    case ha1(SecretHandle, HashAlgorithm)
    /// The same for every hash function we know, as `HashFunctions.writeDigestKeys` makes them: for accounts of one realm.
    case digestKeys(SecretHandle)
}

/// Everything a digest response depends on but the secret, as borrowed bytes.
struct DigestParts {
    var algorithm: DigestAlgorithm
    var qop: Qop
    var username: UnsafeRawBufferPointer
    var realm: UnsafeRawBufferPointer
    var nonce: UnsafeRawBufferPointer
    var cnonce: UnsafeRawBufferPointer
    /// `nc` as text, eight hexadecimal digits.
    var nonceCount: UnsafeRawBufferPointer
    var method: UnsafeRawBufferPointer
    var uri: UnsafeRawBufferPointer
    var body: UnsafeRawBufferPointer
}

extension HashFunctions {
    /// The longest hexadecimal digest.
    static let longestHex = 64
    /// Two digests, nc, qop and the colons: what a joined text holds besides the caller's fields.
    private static let roomForDigests = 2 * longestHex + 32

    /// Writes the response of RFC 7616 §3.4.1 as hexadecimal text into `output`. Everything in between is wiped.
    ///
    /// - Returns: nil, or why there is no response.
    func respond(
        _ parts: DigestParts, _ credential: Credential, arena: SecretArena, into output: UnsafeMutableRawBufferPointer
    ) -> DigestError? {
        let size = parts.algorithm.hash.digestLength * 2
        precondition(output.count >= size)
        let handle =
            switch credential {
            case .password(let handle), .ha1(let handle, _), .digestKeys(let handle): handle
            }
        return arena.withBytes(of: handle) { secret in
            guard !secret.isEmpty else { return .secretGone }
            if case .ha1(_, let made) = credential, made != parts.algorithm.hash || secret.count != size {
                return .keyOfOtherAlgorithm
            }
            if case .digestKeys = credential, secret.count != Self.digestKeysLength { return .keyOfOtherAlgorithm }
            let capacity =
                secret.count + parts.username.count + parts.realm.count + parts.nonce.count + parts.cnonce.count
                + parts.method.count + parts.uri.count + Self.roomForDigests
            return Workspace.with(joinCapacity: capacity) { space in
                switch credential {
                case .ha1:
                    space.first(size).copyMemory(from: secret)
                case .digestKeys:
                    let key = UnsafeRawBufferPointer(rebasing: secret[parts.algorithm.hash.digestKeyPlace])
                    Hex.write(key, into: space.first(size))
                case .password:
                    space.begin()
                    space.join(parts.username)
                    space.join(parts.realm)
                    space.join(secret)
                    space.hash(self, parts.algorithm.hash, into: space.first(size))
                }
                if parts.algorithm.isSession { bindToSession(parts, &space) }
                makeHA2(parts, &space)
                space.begin()
                space.join(space.first(size))
                space.join(parts.nonce)
                if parts.qop != .none {
                    space.join(parts.nonceCount)
                    space.join(parts.cnonce)
                    space.join(parts.qop == .auth ? "auth" : "auth-int")
                }
                space.join(space.second(size))
                space.hash(self, parts.algorithm.hash, into: output)
                return nil
            }
        }
    }

    private func bindToSession(_ parts: DigestParts, _ space: inout Workspace) {
        let size = parts.algorithm.hash.digestLength * 2
        space.begin()
        space.join(space.first(size))
        space.join(parts.nonce)
        space.join(parts.cnonce)
        space.hash(self, parts.algorithm.hash, into: space.first(size))
    }

    private func makeHA2(_ parts: DigestParts, _ space: inout Workspace) {
        let algorithm = parts.algorithm.hash
        let size = algorithm.digestLength * 2
        if parts.qop == .authInt { space.hash(self, algorithm, of: parts.body, into: space.second(size)) }
        space.begin()
        space.join(parts.method)
        space.join(parts.uri)
        if parts.qop == .authInt { space.join(space.second(size)) }
        space.hash(self, algorithm, into: space.second(size))
    }
}

extension HashFunctions {
    /// How many bytes `writeDigestKeys` writes.
    public static let digestKeysLength = HashAlgorithm.allCases.reduce(0) { $0 + $1.digestLength }

    /// Writes the digest of a text under every hash function, as bytes, one after the other: of `username:realm:password` these are
    /// the keys that answer for the account in this realm without the password (`Credential.digestKeys`).
    ///
    /// `output` has room for `digestKeysLength` bytes. Nothing of the text is kept.
    public func writeDigestKeys(of text: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
        precondition(output.count >= Self.digestKeysLength)
        for algorithm in HashAlgorithm.allCases {
            hash(algorithm, text, UnsafeMutableRawBufferPointer(rebasing: output[algorithm.digestKeyPlace]))
        }
    }
}

extension HashAlgorithm {
    /// Where its key stands among an account's digest keys.
    fileprivate var digestKeyPlace: Range<Int> {
        switch self {
        case .md5: 0..<16
        case .sha256: 16..<48
        case .sha512_256: 48..<80
        }
    }
}

extension HashFunctions {
    /// Writes H(username:realm) as hexadecimal text into `output`: the hidden username of RFC 7616 §3.4.4.
    public func writeUserhash(
        _ algorithm: HashAlgorithm, username: UnsafeRawBufferPointer, realm: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) {
        precondition(output.count >= algorithm.digestLength * 2)
        Workspace.with(joinCapacity: username.count + realm.count + 2) { space in
            space.begin()
            space.join(username)
            space.join(realm)
            space.hash(self, algorithm, into: output)
        }
    }
}

/// Stack memory for one computation: two hexadecimal digests, a raw digest, and the text being joined; wiped at its end.
private struct Workspace {
    private static let digests = 2 * HashFunctions.longestHex + HashFunctions.longestHex / 2

    private let memory: UnsafeMutableRawBufferPointer
    private var used = 0
    private var hasFields = false

    static func with<Result>(joinCapacity: Int, _ body: (inout Workspace) -> Result) -> Result {
        withUnsafeTemporaryAllocation(byteCount: digests + joinCapacity, alignment: 8) { memory in
            defer { LockedMemory.wipe(memory) }
            var space = Workspace(memory: memory)
            return body(&space)
        }
    }

    private init(memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    func first(_ size: Int) -> UnsafeMutableRawBufferPointer { .init(rebasing: memory[0..<size]) }
    func second(_ size: Int) -> UnsafeMutableRawBufferPointer {
        .init(rebasing: memory[HashFunctions.longestHex..<HashFunctions.longestHex + size])
    }

    mutating func begin() { (used, hasFields) = (0, false) }

    /// Appends a field, a colon before it unless it is the first.
    mutating func join(_ field: UnsafeRawBufferPointer) {
        var place = Self.digests + used
        precondition(place + 1 + field.count <= memory.count, "a digest field longer than its room")
        if hasFields {
            memory[place] = UInt8(ascii: ":")
            place += 1
        }
        UnsafeMutableRawBufferPointer(rebasing: memory[place..<place + field.count]).copyMemory(from: field)
        used = place + field.count - Self.digests
        hasFields = true
    }

    mutating func join(_ field: UnsafeMutableRawBufferPointer) { join(UnsafeRawBufferPointer(field)) }

    mutating func join(_ text: StaticString) {
        join(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Hashes what was joined and writes it as text.
    func hash(_ functions: HashFunctions, _ algorithm: HashAlgorithm, into output: UnsafeMutableRawBufferPointer) {
        hash(
            functions, algorithm, of: UnsafeRawBufferPointer(rebasing: memory[Self.digests..<Self.digests + used]),
            into: output)
    }

    func hash(
        _ functions: HashFunctions, _ algorithm: HashAlgorithm, of input: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) {
        let length = algorithm.digestLength
        let start = 2 * HashFunctions.longestHex
        let raw = UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + length])
        functions.hash(algorithm, input, raw)
        Hex.write(UnsafeRawBufferPointer(raw), into: output)
    }
}
