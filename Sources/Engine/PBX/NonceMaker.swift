// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// Makes nonces that can be judged without being remembered: time, serial number, and a keyed hash of both.
struct NonceMaker {
    /// What a nonce says of itself.
    struct Nonce: Hashable {
        var issued: Instant
        var serial: UInt32
    }

    private static let timeDigits = 16
    private static let serialDigits = 8
    private static let hashDigits = 32

    private let hashes: HashFunctions
    private let secret: (UInt64, UInt64)
    private var serial: UInt32 = 0

    /// One secret for each instance: nonces of an earlier one are foreign.
    init(hashes: HashFunctions, random: inout SeededRandom) {
        self.hashes = hashes
        secret = (random.next(), random.next())
    }

    /// Writes a new nonce.
    mutating func write(now: Instant, to output: inout ByteWriter) {
        serial &+= 1
        let nonce = Nonce(issued: now, serial: serial)
        output.append(hex: UInt64(bitPattern: nonce.issued.nanoseconds), digits: Self.timeDigits)
        output.append(hex: UInt64(nonce.serial), digits: Self.serialDigits)
        let seal = seal(of: nonce)
        output.append(hex: seal.0, digits: Self.hashDigits / 2)
        output.append(hex: seal.1, digits: Self.hashDigits / 2)
    }

    /// Reads a nonce of this instance; nil for any other.
    func read(_ bytes: ArraySlice<UInt8>) -> Nonce? {
        guard bytes.count == Self.timeDigits + Self.serialDigits + Self.hashDigits else { return nil }
        var place = bytes.startIndex
        func number(_ digits: Int) -> UInt64? {
            defer { place += digits }
            var value: UInt64 = 0
            for byte in bytes[place..<place + digits] {
                switch byte {
                case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
                case 0x61...0x66: value = value << 4 | UInt64(byte - 0x57)
                default: return nil
                }
            }
            return value
        }
        guard let time = number(Self.timeDigits), let serial = number(Self.serialDigits),
            let high = number(Self.hashDigits / 2), let low = number(Self.hashDigits / 2)
        else { return nil }
        let nonce = Nonce(issued: Instant(nanoseconds: Int64(bitPattern: time)), serial: UInt32(serial))
        let seal = seal(of: nonce)
        return (seal.0 ^ high) | (seal.1 ^ low) == 0 ? nonce : nil
    }

    private func seal(of nonce: Nonce) -> (UInt64, UInt64) {
        keyedHash([UInt64(bitPattern: nonce.issued.nanoseconds), UInt64(nonce.serial)])
    }

    /// A hash of numbers under this instance's secret; also seals what travels through the peers in Record-Route.
    func keyedHash(_ numbers: [UInt64]) -> (UInt64, UInt64) {
        let input = [secret.0] + numbers + [secret.1]
        var digest = InlineArray<32, UInt8>(repeating: 0)
        return withUnsafeMutableBytes(of: &digest) { output in
            input.withUnsafeBytes { hashes.hash(.sha256, $0, output) }
            return (
                output.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                output.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
    }
}
