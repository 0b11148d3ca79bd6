// SPDX-License-Identifier: Apache-2.0

/// Why a username, realm, extension or password is not accepted. Says nothing of the value.
public enum AccountFault: String, Error, Hashable, Sendable, Codable, CaseIterable {
    case usernameEmpty = "username_empty"
    case usernameTooLong = "username_too_long"
    case usernameWhitespace = "username_whitespace"
    case usernameColon = "username_colon"
    case usernameControl = "username_control_character"
    case usernameNotUTF8 = "username_not_utf8"
    case passwordEmpty = "password_empty"
    case passwordTooLong = "password_too_long"
    case passwordNotUTF8 = "password_not_utf8"
    case realmTooLong = "realm_too_long"
    case realmNotAllowed = "realm_not_allowed"
    case extensionTooLong = "extension_too_long"
    case extensionNotAllowed = "extension_not_allowed"

    /// What is wrong, in words.
    public var text: String {
        switch self {
        case .usernameEmpty: "the username is empty"
        case .usernameTooLong: "the username is longer than \(AccountRules.longestUsername) bytes"
        case .usernameWhitespace: "the username contains whitespace"
        case .usernameColon: "the username contains a colon"
        case .usernameControl: "the username contains a control character"
        case .usernameNotUTF8: "the username is not valid UTF-8"
        case .passwordEmpty: "the password is empty"
        case .passwordTooLong: "the password is longer than \(AccountRules.longestPassword) bytes"
        case .passwordNotUTF8: "the password is not valid UTF-8"
        case .realmTooLong: "the realm is longer than \(AccountRules.longestRealm) bytes"
        case .realmNotAllowed: "the realm is not valid UTF-8 or contains a control character"
        case .extensionTooLong: "the extension is longer than \(AccountRules.longestUsername) bytes"
        case .extensionNotAllowed: "the extension is not valid UTF-8, or contains whitespace or a control character"
        }
    }
}

/// What an account's fields may be (A2, A3). All lengths are in bytes of UTF-8.
public enum AccountRules {
    /// The longest username.
    public static let longestUsername = 255
    /// The longest realm.
    public static let longestRealm = 255
    /// The longest password.
    public static let longestPassword = 1_024

    /// Checks a username; nil when it is fine.
    public static func fault(username: UnsafeRawBufferPointer) -> AccountFault? {
        if username.isEmpty { return .usernameEmpty }
        if username.count > longestUsername { return .usernameTooLong }
        var fault: AccountFault?
        let valid = UTF8Text.forEachScalar(of: username) { scalar in
            guard fault == nil else { return }
            if scalar == ":" {
                fault = .usernameColon
            } else if UTF8Text.isWhitespace(scalar) {
                fault = .usernameWhitespace
            } else if UTF8Text.isControl(scalar) {
                fault = .usernameControl
            }
        }
        return valid ? fault : .usernameNotUTF8
    }

    /// Checks a password; nil when it is fine.
    public static func fault(password: UnsafeRawBufferPointer) -> AccountFault? {
        if password.isEmpty { return .passwordEmpty }
        if password.count > longestPassword { return .passwordTooLong }
        return UTF8Text.isValid(password) ? nil : .passwordNotUTF8
    }

    /// Checks a fixed realm as bytes; nil when it is fine.
    public static func fault(realm: UnsafeRawBufferPointer) -> AccountFault? {
        if realm.count > longestRealm { return .realmTooLong }
        var refused = false
        let valid = UTF8Text.forEachScalar(of: realm) { refused = refused || UTF8Text.isControl($0) }
        return valid && !refused ? nil : .realmNotAllowed
    }

    /// Checks an extension as bytes; nil when it is fine.
    public static func fault(extensionNumber: UnsafeRawBufferPointer) -> AccountFault? {
        if extensionNumber.count > longestUsername { return .extensionTooLong }
        var refused = extensionNumber.isEmpty
        let valid = UTF8Text.forEachScalar(of: extensionNumber) {
            refused = refused || UTF8Text.isWhitespace($0) || UTF8Text.isControl($0)
        }
        return valid && !refused ? nil : .extensionNotAllowed
    }

    /// Checks a fixed realm; nil when it is fine. "No realm" is not an empty realm but nil at the caller's.
    public static func fault(realm: String) -> AccountFault? {
        if realm.utf8.count > longestRealm { return .realmTooLong }
        return realm.unicodeScalars.contains(where: UTF8Text.isControl) ? .realmNotAllowed : nil
    }

    /// Checks an extension; nil when it is fine.
    public static func fault(extensionNumber: String) -> AccountFault? {
        if extensionNumber.utf8.count > longestUsername { return .extensionTooLong }
        let refused =
            extensionNumber.isEmpty
            || extensionNumber.unicodeScalars.contains {
                UTF8Text.isWhitespace($0) || UTF8Text.isControl($0)
            }
        return refused ? .extensionNotAllowed : nil
    }
}

/// UTF-8 read from raw bytes without making a string of it.
enum UTF8Text {
    /// Visits the scalars; false as soon as the bytes are not well-formed (Unicode, table 3-7).
    static func forEachScalar(of bytes: UnsafeRawBufferPointer, _ body: (Unicode.Scalar) -> Void) -> Bool {
        var index = 0
        while index < bytes.count {
            let first = bytes[index]
            if first < 0x80 {
                body(Unicode.Scalar(first))
                index += 1
                continue
            }
            let length: Int
            switch first {
            case 0xC2...0xDF: length = 2
            case 0xE0...0xEF: length = 3
            case 0xF0...0xF4: length = 4
            default: return false
            }
            guard index + length <= bytes.count else { return false }
            var value = UInt32(first) & (0x7F >> UInt32(length))
            for offset in 1..<length {
                let next = bytes[index + offset]
                guard next & 0xC0 == 0x80 else { return false }
                value = value << 6 | UInt32(next & 0x3F)
            }
            let least: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x1_0000
            guard value >= least, let scalar = Unicode.Scalar(value) else { return false }
            body(scalar)
            index += length
        }
        return true
    }

    /// Whether the bytes are well-formed.
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool { forEachScalar(of: bytes) { _ in } }

    /// Unicode's White_Space property.
    static func isWhitespace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII
            ? scalar == " " || (0x09...0x0D).contains(scalar.value) : scalar.properties.isWhitespace
    }

    /// Unicode's category Cc: C0, DEL and C1.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }
}
