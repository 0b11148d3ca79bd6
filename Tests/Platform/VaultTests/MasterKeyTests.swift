// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import Testing
import Vault

@Suite final class MasterKeyTests {
    private let folder: URL
    private var path: String { folder.appending(path: "master.key").path }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    @Test func `E1 a new key file has 32 bytes, is its owner's alone, and is read again`() throws {
        let key = try MasterKey.readOrCreate(path: path)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(attributes[.size] as? Int == 32)
        #expect(try MasterKey.read(path: path).id == key.id)
        #expect(try MasterKey.readOrCreate(path: path).id == key.id)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["master.key"])
    }

    @Test func `what one process wrapped another one with the same file unwraps`() throws {
        let registrar = RegistrarID(high: 1, low: 1)
        let account = AccountID(high: 2, low: 2)
        let first = Vault(master: try .readOrCreate(path: path))
        let wrapped = try first.makeDataKey(KeyID(high: 3, low: 3), for: registrar, at: UnixTime(nanoseconds: 0))
        let sealed = try Array("secret".utf8).withUnsafeBytes { try first.unwrap(wrapped).seal($0, for: account) }
        let second = try Vault(master: .read(path: path)).unwrap(wrapped)
        #expect(try second.open(sealed, of: account) { $0.elementsEqual("secret".utf8) })
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o644, 0o601]) func `E1 a key file open to others is refused`(mode: Int)
        throws
    {
        _ = try MasterKey.readOrCreate(path: path)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        let refused = VaultError.masterKeyExposed(path: path, mode: UInt32(mode))
        #expect(throws: refused) { try MasterKey.read(path: path) }
        #expect(throws: refused) { try MasterKey.readOrCreate(path: path) }
        #expect(refused.description.contains("chmod 600"))
    }

    @Test(arguments: [0, 31, 33, 64]) func `a key file of another length is refused, never replaced`(count: Int) throws
    {
        let made = FileManager.default.createFile(
            atPath: path, contents: Data(repeating: 1, count: count), attributes: [.posixPermissions: 0o600])
        #expect(made)
        #expect(throws: VaultError.masterKeyDamaged(path: path, bytes: count)) {
            try MasterKey.readOrCreate(path: path)
        }
        #expect(try Data(contentsOf: URL(filePath: path)).count == count)
    }

    @Test func `a missing file, a folder and a link are refused in words`() throws {
        #expect(throws: VaultError.masterKeyMissing(path: path)) { try MasterKey.read(path: path) }
        #expect(throws: VaultError.self) { try MasterKey.read(path: folder.path) }
        let target = folder.appending(path: "elsewhere").path
        _ = try MasterKey.readOrCreate(path: target)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        #expect(throws: VaultError.self) { try MasterKey.read(path: path) }
        #expect(throws: VaultError.self) { try MasterKey.readOrCreate(path: folder.path + "/none/master.key") }
    }

    @Test func `many first starts at once agree on one key`() async throws {
        let path = path
        let ids = try await withThrowingTaskGroup(of: KeyID.self) { group in
            for _ in 0..<32 { group.addTask { try MasterKey.readOrCreate(path: path).id } }
            return try await group.reduce(into: Set<KeyID>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["master.key"])
    }
}
