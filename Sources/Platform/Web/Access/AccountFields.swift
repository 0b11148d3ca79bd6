// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane

/// The body of `POST /registrars/{registrar}/accounts`: one flat JSON object of strings, read from bytes, so that the password
/// goes into locked memory without ever being a String.
struct AccountFields: ~Copyable {
    /// The auth user.
    let username: String
    /// The password.
    let password: SecretBytes
    /// The fixed realm; nil when absent, null or empty.
    let realm: String?
    /// The extension; nil when absent, null or empty.
    let extensionNumber: String?

    /// Reads the body. Throws `invalid`, naming the place, never quoting what stands there.
    init(json: UnsafeRawBufferPointer) throws(ControlPlaneError) {
        // A decoded string is never longer than its JSON text.
        let scratch = LockedMemory(minimumCount: max(1, json.count))
        var reader = FlatObjectReader(json)
        var texts: [String: String] = [:]
        var secret: SecretBytes?
        try reader.forEachMember { (key, reader) throws(ControlPlaneError) in
            guard ["username", "password", "realm", "extension"].contains(key) else {
                throw Self.invalid("unknown key; username, password, realm and extension are known")
            }
            guard texts[key] == nil, key != "password" || secret == nil else {
                throw Self.invalid("the key '\(key)' stands twice")
            }
            if key == "realm" || key == "extension", reader.skipNull() { return }
            let count = try reader.string(into: scratch)
            scratch.withBytes { bytes in
                let value = UnsafeRawBufferPointer(rebasing: bytes[..<count])
                if key == "password" {
                    secret = SecretBytes(copying: value)
                } else {
                    texts[key] = String(decoding: value, as: UTF8.self)
                }
            }
            scratch.wipe(0..<count)
        }
        guard let username = texts["username"] else { throw Self.invalid("the key 'username' is missing") }
        guard let secret = consume secret else { throw Self.invalid("the key 'password' is missing") }
        self.username = username
        password = secret
        realm = texts["realm"].flatMap { $0.isEmpty ? nil : $0 }
        extensionNumber = texts["extension"].flatMap { $0.isEmpty ? nil : $0 }
    }

    static func invalid(_ text: String) -> ControlPlaneError {
        ControlPlaneError(.invalid, "the body is not valid: \(text)")
    }
}

/// Reads a JSON object (RFC 8259) whose values are strings, byte by byte.
struct FlatObjectReader {
    /// Longer keys are none of ours.
    private static let longestKey = 32

    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Calls `body` at each value; it must read exactly that value.
    mutating func forEachMember(
        _ body: (String, inout FlatObjectReader) throws(ControlPlaneError) -> Void
    ) throws(ControlPlaneError) {
        try expect(UInt8(ascii: "{"))
        skipSpace()
        if take(UInt8(ascii: "}")) { return try end() }
        repeat {
            let key = try self.key()
            try expect(UInt8(ascii: ":"))
            skipSpace()
            try body(key, &self)
            skipSpace()
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
        try end()
    }

    /// Steps over `null`; false when something else stands here.
    mutating func skipNull() -> Bool {
        guard bytes[place...].starts(with: [0x6E, 0x75, 0x6C, 0x6C]) else { return false }
        place += 4
        return true
    }

    /// Decodes a string into `target`, which must be as large as the whole text, and gives its length in UTF-8.
    mutating func string(into target: borrowing LockedMemory) throws(ControlPlaneError) -> Int {
        guard take(UInt8(ascii: "\"")) else { throw fault("a string is expected") }
        var count = 0
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return count
            case UInt8(ascii: "\\"):
                let scalar = try escape()
                UTF8.encode(scalar)?.forEach { unit in
                    target.withMutableBytes { $0[count] = unit }
                    count += 1
                }
            case 0..<0x20: throw fault("a control character must be escaped")
            default:
                target.withMutableBytes { $0[count] = byte }
                count += 1
            }
        }
        throw fault("a string does not end")
    }

    private mutating func key() throws(ControlPlaneError) -> String {
        skipSpace()
        guard take(UInt8(ascii: "\"")) else { throw fault("a key in quotes is expected") }
        let start = place
        while place < bytes.count, bytes[place] != UInt8(ascii: "\""), place - start <= Self.longestKey { place += 1 }
        let end = place
        guard end - start <= Self.longestKey, take(UInt8(ascii: "\"")) else { throw fault("the key is none of ours") }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    private mutating func escape() throws(ControlPlaneError) -> Unicode.Scalar {
        guard place < bytes.count else { throw fault("an escape does not end") }
        let byte = bytes[place]
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try unit()
            if let scalar = Unicode.Scalar(first) { return scalar }
            // A pair of surrogates (RFC 8259 §7).
            guard (0xD800..<0xDC00).contains(first), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
                throw fault("an escape is no character")
            }
            let second = try unit()
            guard (0xDC00..<0xE000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            else { throw fault("an escape is no character") }
            return scalar
        default: throw fault("an escape is not known")
        }
    }

    private mutating func unit() throws(ControlPlaneError) -> UInt32 {
        guard place + 4 <= bytes.count else { throw fault("an escape does not end") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = bytes[place]
            let digit: UInt8? =
                switch byte {
                case 0x30...0x39: byte - 0x30
                case 0x41...0x46: byte - 0x37
                case 0x61...0x66: byte - 0x57
                default: nil
                }
            guard let digit else { throw fault("an escape is no character") }
            value = value << 4 | UInt32(digit)
            place += 1
        }
        return value
    }

    private mutating func end() throws(ControlPlaneError) {
        skipSpace()
        guard place == bytes.count else { throw fault("something follows the object") }
    }

    private mutating func expect(_ byte: UInt8) throws(ControlPlaneError) {
        skipSpace()
        guard take(byte) else { throw fault("'\(Unicode.Scalar(byte))' is expected") }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard place < bytes.count, bytes[place] == byte else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
    }

    private func fault(_ text: String) -> ControlPlaneError {
        AccountFields.invalid("\(text) (at byte \(place + 1))")
    }
}
