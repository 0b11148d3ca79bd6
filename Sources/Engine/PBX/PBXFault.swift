// SPDX-License-Identifier: Apache-2.0

/// A fault that the server plays on demand, for all accounts or for some of them.
public struct PBXFault: Hashable, Sendable {
    /// Whom it meets.
    public enum Scope: Hashable, Sendable {
        /// Every account.
        case all
        /// The accounts with these usernames.
        case users(Set<[UInt8]>)
        /// A share of the accounts in ten-thousandths, chosen by a hash of the username, so always the same ones.
        case share(UInt32)
    }

    /// What it is played with.
    public enum Value: Hashable, Sendable {
        /// Nothing, or the fault's usual number.
        case none
        /// Seconds, milliseconds or a count.
        case number(UInt32)
        /// An address or a realm.
        case text([UInt8])
    }

    /// Why text is not a fault.
    public enum ReadingError: Error, Hashable, Sendable, CustomStringConvertible {
        /// No fault has this name.
        case unknownName(String)
        /// The value is neither names nor a percentage of 0…100.
        case badValue(String)
        /// The value of the fault with this name is no number.
        case noNumber(String)

        /// What is wrong with the text, and what would be right.
        public var description: String {
            let names = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            return switch self {
            case .unknownName(let name): "There is no fault '\(name)'. Faults are: \(names)."
            case .badValue(let value):
                "'\(value)' does not say whom a fault meets. Give usernames with commas between them, or a share like 5%."
            case .noNumber(let name):
                "The fault '\(name)' takes a whole number, as in \(name)=5 or \(name)=5@alice,bob."
            }
        }
    }

    /// What goes wrong.
    public var kind: Kind
    /// Whom it meets.
    public var scope: Scope
    /// What it is played with.
    public var value: Value

    /// A fault from its parts.
    public init(_ kind: Kind, _ scope: Scope = .all, value: Value = .none) {
        self.kind = kind
        self.scope = scope
        self.value = value
    }

    /// Reads `NAME[=SCOPE]`, or `NAME[=VALUE][@SCOPE]` for a fault that takes a value: a scope is usernames with commas between
    /// them, or a share of the accounts like `5%` or `0.5%`.
    public init(_ text: String) throws(ReadingError) {
        let whole = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = (whole.first ?? "").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = parts.first.flatMap({ Kind(rawValue: String($0)) }) else {
            throw .unknownName(parts.first.map(String.init) ?? text)
        }
        let rest = parts.count == 2 ? parts[1] : nil
        var scope = Scope.all
        if whole.count == 2 { scope = try Self.scope(whole[1]) }
        var value = Value.none
        switch kind.value {
        case .none:
            if let rest {
                guard whole.count == 1 else { throw .badValue(text) }
                scope = try Self.scope(rest)
            }
        case .number:
            if let rest {
                guard let number = UInt32(rest) else { throw .noNumber(kind.rawValue) }
                value = .number(number)
            }
        case .text:
            if let rest {
                guard !rest.isEmpty else { throw .badValue(text) }
                value = .text(Array(rest.utf8))
            }
        }
        self.init(kind, scope, value: value)
    }

    private static func scope(_ text: Substring) throws(ReadingError) -> Scope {
        if text.hasSuffix("%") {
            guard let percent = Double(text.dropLast()), (0...100).contains(percent) else {
                throw .badValue(String(text))
            }
            return .share(UInt32((percent * 100).rounded()))
        }
        let users = text.split(separator: ",", omittingEmptySubsequences: false).map { Array($0.utf8) }
        guard users.allSatisfy({ !$0.isEmpty }) else { throw .badValue(String(text)) }
        return .users(Set(users))
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
