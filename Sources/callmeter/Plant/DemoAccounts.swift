// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import PBX
import SIP

/// Made-up accounts for the demo: the server keeps their passwords in its arena, the import reads the same from locked memory.
final class DemoAccounts: Sendable {
    private static let passwordLength = 20
    /// `demo0001:` and a line end around the password.
    private static let lineLength = 9 + passwordLength + 1

    private let lines: LockedMemory
    private let count: Int
    /// The accounts as the server knows them.
    let pbx: [PBXAccount]

    init(count: Int, arena: SecretArena) {
        precondition((1...9_999).contains(count), "the names have four digits")
        self.count = count
        let lines = LockedMemory(minimumCount: count * Self.lineLength)
        var random = SystemRandomNumberGenerator()
        let alphabet: StaticString = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        pbx = (0..<count).map { number in
            let digits = String(number + 1)
            let name = Array(("demo" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
            let start = number * Self.lineLength
            return lines.withMutableBytes { bytes in
                for (place, byte) in name.enumerated() { bytes[start + place] = byte }
                bytes[start + 8] = UInt8(ascii: ":")
                for place in start + 9..<start + 9 + Self.passwordLength {
                    bytes[place] = alphabet.utf8Start[Int.random(in: 0..<alphabet.utf8CodeUnitCount, using: &random)]
                }
                bytes[start + Self.lineLength - 1] = UInt8(ascii: "\n")
                let password = UnsafeRawBufferPointer(rebasing: bytes[start + 9..<start + 9 + Self.passwordLength])
                return PBXAccount(username: name, credential: .password(arena.store(password)))
            }
        }
        self.lines = lines
    }

    /// Imports them as a list of lines, like any other.
    func importInto(_ registrar: RegistrarID, of plane: ControlPlane) async throws -> ImportReport {
        var given = 0
        let all = count * Self.lineLength
        return try await plane.accounts.importLines(into: registrar, dryRun: false, by: .commandLine) { buffer in
            let part = min(buffer.count, all - given)
            lines.withBytes { bytes in
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[given..<given + part]))
            }
            given += part
            return part
        }
    }
}
