// SPDX-License-Identifier: Apache-2.0

/// A fault that the server plays on demand, for all accounts or for some of them.
public struct PBXFault: Hashable, Sendable {
    /// What goes wrong.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Right credentials are refused with 401 or 407, as by a server that holds another password.
        case wrongPassword = "wrong-password"
        /// Right credentials are answered with 403.
        case forbidden = "403"
        /// Every request of the account is answered with 404.
        case notFound = "404"
        /// Nothing from the account is answered at all.
        case silence
    }

    /// Whom it meets.
    public enum Scope: Hashable, Sendable {
        /// Every account.
        case all
        /// The accounts with these usernames.
        case users(Set<[UInt8]>)
        /// A share of the accounts in ten-thousandths, chosen by a hash of the username, so always the same ones.
        case share(UInt32)
    }

    /// Why text is not a fault.
    public enum ReadingError: Error, Hashable, Sendable, CustomStringConvertible {
        /// No fault has this name.
        case unknownName(String)
        /// The value is neither names nor a percentage of 0…100.
        case badValue(String)

        /// What is wrong with the text, and what would be right.
        public var description: String {
            let names = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            return switch self {
            case .unknownName(let name): "There is no fault '\(name)'. Faults are: \(names)."
            case .badValue(let value):
                "'\(value)' is no value for a fault. Give usernames with commas between them, or a share like 5%."
            }
        }
    }

    /// What goes wrong.
    public var kind: Kind
    /// Whom it meets.
    public var scope: Scope

    /// A fault from its parts.
    public init(_ kind: Kind, _ scope: Scope = .all) {
        self.kind = kind
        self.scope = scope
    }

    /// Reads `NAME[=VALUE]`: a value is usernames with commas between them, or a share of the accounts like `5%` or `0.5%`.
    public init(_ text: String) throws(ReadingError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = parts.first.flatMap({ Kind(rawValue: String($0)) }) else {
            throw .unknownName(parts.first.map(String.init) ?? text)
        }
        guard parts.count == 2 else {
            self.init(kind)
            return
        }
        let value = parts[1]
        if value.hasSuffix("%") {
            guard let percent = Double(value.dropLast()), (0...100).contains(percent) else {
                throw .badValue(String(value))
            }
            self.init(kind, .share(UInt32((percent * 100).rounded())))
            return
        }
        let users = value.split(separator: ",", omittingEmptySubsequences: false).map { Array($0.utf8) }
        guard users.allSatisfy({ !$0.isEmpty }) else { throw .badValue(String(value)) }
        self.init(kind, .users(Set(users)))
    }

    /// Whether it meets the account with this username.
    func meets(_ username: [UInt8]) -> Bool {
        switch scope {
        case .all: return true
        case .users(let users): return users.contains(username)
        case .share(let share):
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in username { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            // FNV's low bits hardly differ between names that differ in their last digit; the multiplication lifts them.
            return ((hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15 >> 33) % 10_000 < UInt64(share)
        }
    }
}
