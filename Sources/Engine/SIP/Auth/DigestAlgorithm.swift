// SPDX-License-Identifier: Apache-2.0

/// A hash function of digest authentication (RFC 8760 §2.1).
public enum HashAlgorithm: UInt8, Hashable, Sendable, CaseIterable {
    case md5, sha256, sha512_256

    /// Bytes of a digest; its hexadecimal text has twice as many.
    public var digestLength: Int { self == .md5 ? 16 : 32 }
}

/// An `algorithm` of digest authentication: a hash function, and whether the key is bound to a session (RFC 7616 §3.4.2).
public struct DigestAlgorithm: Hashable, Sendable {
    /// The hash function.
    public let hash: HashAlgorithm
    /// Whether it is a `-sess` form.
    public let isSession: Bool

    /// An algorithm from its parts.
    public init(_ hash: HashAlgorithm, isSession: Bool = false) {
        self.hash = hash
        self.isSession = isSession
    }

    /// Every algorithm, the strongest hash first.
    public static var all: [DigestAlgorithm] {
        [.sha512_256, .sha256, .md5].flatMap { [DigestAlgorithm($0), DigestAlgorithm($0, isSession: true)] }
    }

    /// The token in `algorithm=`.
    public var name: StaticString {
        switch (hash, isSession) {
        case (.md5, false): "MD5"
        case (.md5, true): "MD5-sess"
        case (.sha256, false): "SHA-256"
        case (.sha256, true): "SHA-256-sess"
        case (.sha512_256, false): "SHA-512-256"
        case (.sha512_256, true): "SHA-512-256-sess"
        }
    }

    /// The algorithm that a token names, compared without case as servers differ in it; nil for one we do not know.
    init?(_ bytes: UnsafeRawBufferPointer, _ token: Slice) {
        if bytes.matchesIgnoringCase(token, "md5") {
            self.init(.md5)
        } else if bytes.matchesIgnoringCase(token, "md5-sess") {
            self.init(.md5, isSession: true)
        } else if bytes.matchesIgnoringCase(token, "sha-256") {
            self.init(.sha256)
        } else if bytes.matchesIgnoringCase(token, "sha-256-sess") {
            self.init(.sha256, isSession: true)
        } else if bytes.matchesIgnoringCase(token, "sha-512-256") {
            self.init(.sha512_256)
        } else if bytes.matchesIgnoringCase(token, "sha-512-256-sess") {
            self.init(.sha512_256, isSession: true)
        } else {
            return nil
        }
    }
}

/// The hash functions, handed in by the program: the engine has none of its own.
public struct HashFunctions: Sendable {
    /// Hashes the input into the output, which has room for exactly one digest.
    public let hash: @Sendable (HashAlgorithm, UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) -> Void

    /// Hash functions from one closure. It keeps neither pointer, and nothing of what it hashed.
    public init(
        _ hash: @escaping @Sendable (HashAlgorithm, UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) -> Void
    ) {
        self.hash = hash
    }
}

/// Protection that a challenge offers (`qop`, RFC 7616 §3.3).
public struct QopOptions: OptionSet, Hashable, Sendable {
    /// One bit for each option.
    public let rawValue: UInt8
    /// The options of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// `auth`: method and URI are protected.
    public static let auth = QopOptions(rawValue: 1)
    /// `auth-int`: the body as well.
    public static let authInt = QopOptions(rawValue: 2)
    /// A token we do not know was offered.
    public static let unknown = QopOptions(rawValue: 4)
}

/// The protection that a response uses; none is the legacy form of RFC 2069.
public enum Qop: Hashable, Sendable {
    case none, auth, authInt
}
