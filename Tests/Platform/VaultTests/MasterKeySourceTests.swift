// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Foundation
import Glibc
import Testing

@testable import Vault

/// Where a master key is taken from. The process's own environment cannot be written while other tests read it, so each test has
/// one of its own; the command line is tried with a real one.
@Suite final class MasterKeySourceTests {
    private static let bytes = (0..<32).map { UInt8($0 * 7 + 3) }
    private static let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    private static let variable = "CALLMETER_MASTER_KEY"
    private static let folderVariable = "CREDENTIALS_DIRECTORY"

    private let folder: URL
    private let environment = TestEnvironment()

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func write(_ content: Data, _ name: String, mode: Int = 0o600) throws -> String {
        let path = folder.appending(path: name).path
        try #require(
            FileManager.default.createFile(atPath: path, contents: content, attributes: [.posixPermissions: mode]))
        return path
    }

    private func choose(file: String?, usual: String) throws(VaultError) -> MasterKeySource {
        try .choose(file: file, usual: usual, in: environment.access)
    }

    private func open(_ source: MasterKeySource, naming id: KeyID?) throws(VaultError) -> Vault {
        try .open(source, naming: id, alone: true, in: environment.access)
    }

    /// The identifier of the known key, from its plain file.
    private func known() throws -> KeyID { try MasterKey.read(path: write(Data(Self.bytes), "plain")).id }

    @Test(arguments: ["", "\n", "\r\n", " \n"]) func `E1 a key is read as bytes, as hexadecimal digits and as base64`(
        end: String
    ) throws {
        let id = try known()
        let texts = [Self.hex, Self.hex.uppercased(), Data(Self.bytes).base64EncodedString()]
        for (index, text) in texts.enumerated() {
            #expect(try MasterKey.read(path: write(Data((text + end).utf8), "text\(index)")).id == id)
        }
    }

    @Test func `E1 text that is no key is refused`() throws {
        let wrong = [
            String(Self.hex.dropLast()) + "g", Self.hex + "00", Data(Self.bytes.dropLast()).base64EncodedString(),
            // Base64 whose last digit has bits beyond the key, which no encoder writes.
            String(Data(Self.bytes).base64EncodedString().dropLast(2)) + "/=",
        ]
        for (index, text) in wrong.enumerated() {
            let path = try write(Data(text.utf8), "wrong\(index)")
            #expect(throws: VaultError.masterKeyDamaged(path: path, bytes: text.utf8.count)) {
                try MasterKey.read(path: path)
            }
        }
    }

    @Test func `E1 a key in the environment is taken out of it and wiped`() throws {
        let id = try known()
        environment.set(Self.variable, Self.hex)
        let place = try #require(environment.get(Self.variable))
        #expect(try choose(file: nil, usual: "none") == .environment)
        let vault = try open(.environment, naming: id)
        #expect(vault.masterID == id)
        #expect(environment.get(Self.variable) == nil)
        #expect((0..<64).allSatisfy { place[$0] == 0 }, "the text is wiped where it lay")
        environment.set(Self.variable, Data(Self.bytes).base64EncodedString())
        #expect(try open(.environment, naming: nil).masterID == id)
    }

    @Test(arguments: ["", "secret", String(repeating: "k", count: 32), String(repeating: "a", count: 65)])
    func `E1 a variable that holds no key is refused in words, and wiped as well`(text: String) throws {
        environment.set(Self.variable, text)
        let error = #expect(throws: VaultError.self) { try open(.environment, naming: nil) }
        #expect(error == .masterKeyText)
        #expect(error.map { !$0.description.contains("secret") && $0.description.contains("64 hexadecimal") } == true)
        #expect(environment.get(Self.variable) == nil)
    }

    @Test func `E1 a credential of systemd is found in its folder`() throws {
        let id = try known()
        // Where the service runs as another user, systemd lets its group read.
        let path = try write(Data(Self.bytes), "callmeter-master-key", mode: 0o440)
        environment.set(Self.folderVariable, folder.path)
        let source = try choose(file: nil, usual: "none")
        #expect(source == .credential(path: path))
        #expect(try open(source, naming: id).masterID == id)
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path)
        #expect(throws: VaultError.masterKeyExposed(path: path, mode: 0o444)) {
            try open(source, naming: id)
        }
    }

    @Test func `E1 with nothing named the usual file is the source, and two sources are refused by name`() throws {
        environment.set(Self.folderVariable, folder.path)
        #expect(try choose(file: nil, usual: "usual") == .file(path: "usual"))
        #expect(try choose(file: "mine", usual: "usual") == .file(path: "mine"))
        environment.set(Self.variable, Self.hex)
        let error = #expect(throws: VaultError.self) { try choose(file: "mine", usual: "usual") }
        #expect(
            error == .masterKeyAmbiguous(sources: ["the file mine", "the environment variable CALLMETER_MASTER_KEY"]))
        _ = try write(Data(Self.bytes), "callmeter-master-key")
        #expect(throws: VaultError.self) { try choose(file: nil, usual: "usual") }
        environment.remove(Self.variable)
        #expect(throws: VaultError.self) { try choose(file: "mine", usual: "usual") }
    }
}

/// Variables of one test.
private final class TestEnvironment {
    private var variables: [String: UnsafeMutablePointer<CChar>] = [:]
    private var all: [UnsafeMutablePointer<CChar>] = []

    deinit { for text in all { free(text) } }

    func set(_ name: String, _ value: String) {
        let text = strdup(value)
        variables[name] = text
        if let text { all.append(text) }
    }

    func remove(_ name: String) { variables[name] = nil }
    func get(_ name: String) -> UnsafeMutablePointer<CChar>? { variables[name] }

    var access: MasterKeySource.Environment {
        MasterKeySource.Environment(get: { self.get($0) }, remove: { self.remove($0) })
    }
}
