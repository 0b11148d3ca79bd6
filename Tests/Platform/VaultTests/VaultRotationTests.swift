// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import Testing

@testable import Vault

/// The change of the master key on disk, with a crash between any two of its steps.
@Suite final class VaultRotationTests {
    private let folder: URL
    private var path: String { folder.appending(path: "master.key").path }
    private let registrar = RegistrarID(high: 1, low: 1)

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }

    private func makeKey(_ vault: Vault) throws -> WrappedKey {
        try vault.makeDataKey(KeyID(high: 3, low: 3), for: registrar, at: UnixTime(nanoseconds: 0))
    }

    @Test func `E1 a rotation replaces the key in its file, and the data keys open under the new one only`() throws {
        let vault = try Vault.open(.file(path: path), naming: nil, alone: true)
        let old = vault.masterID
        let oldKey = try MasterKey.read(path: path)
        let wrapped = try makeKey(vault)
        let account = AccountID(high: 2, low: 2)
        let sealed = try Array("secret".utf8).withUnsafeBytes { try vault.unwrap(wrapped).seal($0, for: account) }
        let new = try vault.prepareRotation()
        #expect(new != old && vault.masterID == old)
        #expect(try files == ["master.key", "master.key.new"])
        let again = try vault.rewrap(wrapped)
        #expect(again.sealed.key == new && again.id == wrapped.id && again.createdAt == wrapped.createdAt)
        // Until it is complete either is unwrapped.
        _ = try vault.unwrap(wrapped)
        _ = try vault.unwrap(again)
        try vault.completeRotation()
        #expect(vault.masterID == new)
        #expect(try files == ["master.key"])
        #expect(try MasterKey.read(path: path).id == new)
        #expect(throws: VaultError.wrongKey) { try vault.unwrap(wrapped) }
        #expect(throws: VaultError.wrongKey) { try Vault(master: oldKey).unwrap(again) }
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let key = try Vault.open(.file(path: path), naming: new, alone: true).unwrap(again)
        #expect(try key.open(sealed, of: account) { $0.elementsEqual("secret".utf8) }, "passwords are not touched")
    }

    @Test func `E1 a rotation that never reached the database is dropped at the next start`() throws {
        let old = try Vault.open(.file(path: path), naming: nil, alone: true)
        _ = try old.prepareRotation()
        // And what a kill in the middle of writing leaves.
        try Data([1, 2, 3]).write(to: URL(filePath: path + ".new.abc.draft"))
        let started = try Vault.open(.file(path: path), naming: old.masterID, alone: true)
        #expect(started.masterID == old.masterID)
        #expect(try files == ["master.key"])
    }

    @Test func `E1 a rotation that reached the database is completed at the next start`() throws {
        let old = try Vault.open(.file(path: path), naming: nil, alone: true)
        let new = try old.prepareRotation()
        let started = try Vault.open(.file(path: path), naming: new, alone: true)
        #expect(started.masterID == new)
        #expect(try files == ["master.key"])
        #expect(try MasterKey.read(path: path).id == new)
    }

    @Test func `E1 beside a process that rotates, files are read and left as they are`() throws {
        let old = try Vault.open(.file(path: path), naming: nil, alone: true)
        let new = try old.prepareRotation()
        #expect(try Vault.open(.file(path: path), naming: old.masterID, alone: false).masterID == old.masterID)
        #expect(try Vault.open(.file(path: path), naming: new, alone: false).masterID == new)
        #expect(try files == ["master.key", "master.key.new"])
    }

    @Test func `E1 a rotation given up leaves nothing, and another can begin`() throws {
        let vault = try Vault.open(.file(path: path), naming: nil, alone: true)
        let old = vault.masterID
        _ = try vault.prepareRotation()
        #expect(throws: VaultError.rotationUnderWay) { try vault.prepareRotation() }
        vault.abandonRotation()
        #expect(try files == ["master.key"])
        let new = try vault.prepareRotation()
        try vault.completeRotation()
        #expect(vault.masterID == new && new != old)
    }

    @Test func `E1 a database under another master key is refused in words, and no key is made or taken away`() throws {
        let mine = try Vault.open(.file(path: path), naming: nil, alone: true)
        let other = KeyID(high: 7, low: 7)
        let error = #expect(throws: VaultError.self) { try Vault.open(.file(path: path), naming: other, alone: true) }
        #expect(error == .otherMasterKey(needed: other, given: mine.masterID, source: "the file \(path)"))
        #expect(error?.description.contains("sealed under the master key \(other)") == true)
        let missing = path + ".elsewhere"
        #expect(throws: VaultError.masterKeyMissing(path: missing)) {
            try Vault.open(.file(path: missing), naming: other, alone: true)
        }
        #expect(try files == ["master.key"])
    }

    @Test func `E1 a key that cannot be written where it came from goes to a file that is named`() throws {
        let credential = folder.appending(path: "credential").path
        try MasterKey.write(.ephemeral(), path: credential, as: .bytes)
        let vault = try Vault.open(.credential(path: credential), naming: nil, alone: true)
        #expect(throws: VaultError.newKeyFileNeeded(source: "the systemd credential \(credential)")) {
            try vault.prepareRotation()
        }
        #expect(throws: VaultError.newKeyIsOld(path: credential)) { try vault.prepareRotation(newKeyFile: credential) }
        let place = folder.appending(path: "next.key").path
        let new = try vault.prepareRotation(newKeyFile: place)
        try vault.completeRotation()
        #expect(vault.masterID == new)
        let text = try String(contentsOfFile: place, encoding: .utf8)
        #expect(text.count == 65 && text.last == "\n" && text.dropLast().allSatisfy(\.isHexDigit))
        #expect(try Vault.open(.credential(path: place), naming: new, alone: true).masterID == new)
        #expect(throws: VaultError.self) { try Vault.open(.credential(path: credential), naming: new, alone: true) }
        let filed = try Vault.open(.file(path: path), naming: nil, alone: true)
        #expect(throws: VaultError.newKeyFileNotNeeded(path: path)) { try filed.prepareRotation(newKeyFile: place) }
    }

    @Test func `E1 nonces are unique over many seals by many at once`() async throws {
        let vault = Vault(master: .ephemeral())
        let key = try vault.unwrap(makeKey(vault))
        let nonces = try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
            for task in 0..<8 {
                group.addTask {
                    let account = AccountID(high: 9, low: UInt64(task))
                    let password = [UInt8]("the same every time".utf8)
                    return try (0..<5_000).map { _ in
                        try password.withUnsafeBytes { Array(try key.seal($0, for: account).nonce) }
                    }
                }
            }
            return try await group.reduce(into: [[UInt8]]()) { $0 += $1 }
        }
        #expect(nonces.count == 40_000 && Set(nonces).count == 40_000)
        let wraps = try (0..<2_000).map { _ in Array(try makeKey(vault).sealed.nonce) }
        #expect(Set(wraps).count == 2_000)
    }
}
