// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Foundation
import Testing
import Vault
import Web
import WorkerLink

/// Redaction as a type: lines that would show a secret do not compile, or show nothing.
@Suite(.timeLimit(.minutes(3))) struct UnprintableTests {
    /// A line of a program and, where it must not compile, words of the reason.
    private struct Snippet {
        let line: String
        let reason: String?
    }

    /// What everything that prints or encodes says of a noncopyable value.
    private static let noncopyable = "Copyable"

    private static let uses = [
        #"_ = "\(it)""#, "print(it)", "debugPrint(it)", "dump(it)", "_ = String(describing: it)",
        "_ = String(reflecting: it)",
        "_ = Mirror(reflecting: it)", "_ = it as Any", "_ = try JSONEncoder().encode(it)",
        #"Logger(label: "x").info("\(it)")"#, #"Logger(label: "x").info("a", metadata: ["b": "\(it)"])"#,
        "throw it", "_ = [it]", "_ = { it }",
    ]

    private static let snippets: [Snippet] = {
        var all: [Snippet] = []
        for kind in ["SecretBytes", "LockedMemory", "AccessUseCases.NewKey"] {
            for use in uses {
                all.append(Snippet(line: "func f(_ it: borrowing \(kind)) throws { \(use) }", reason: ""))
            }
        }
        for kind in [
            "SessionKey", "MasterKey", "DataKey", "Vault", "AccessUseCases.Bearer", "SessionToken", "SecretArena",
        ] {
            all.append(
                Snippet(line: "func f(_ it: \(kind)) throws { _ = try JSONEncoder().encode(it) }", reason: "Encodable"))
        }
        all.append(
            Snippet(
                line: "func f(_ it: borrowing SecretBytes) { let _: String = it.withBytes { $0 } }", reason: "String"))
        // The controls: the same lines about what may be shown, and the lawful use of a secret.
        all.append(
            Snippet(
                line: "func f(_ it: Int) throws { _ = try JSONEncoder().encode(it); _ = \"\\(it)\"; dump(it) }",
                reason: nil))
        all.append(
            Snippet(
                line: "func f(_ it: borrowing SecretBytes) { print(it.count); it.withBytes { _ = $0.count } }",
                reason: nil))
        all.append(Snippet(line: #"func f(_ it: SessionKey) { Logger(label: "x").info("\(it)") }"#, reason: nil))
        return all
    }()

    @Test func `E4 a line that prints, logs, dumps, throws or encodes a secret does not compile`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "unprintable-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let imports = ["Bedrock", "ControlPlane", "Foundation", "Logging", "Vault", "Web", "WorkerLink"]
            .map { "import \($0)\n" }.joined()
        var files: [String] = []
        for (number, snippet) in Self.snippets.enumerated() {
            let file = folder.appending(path: "s\(number).swift")
            // One function of that name for each file.
            let line = snippet.line.replacingOccurrences(of: "func f(", with: "func f\(number)(")
            try "\(imports)\(line)\n".write(to: file, atomically: true, encoding: .utf8)
            files.append(file.path)
        }
        let said = try compile(files)
        for (number, snippet) in Self.snippets.enumerated() {
            let errors = said.split(separator: "\n").filter {
                $0.contains("/s\(number).swift:") && $0.contains(" error: ")
            }
            if let reason = snippet.reason {
                #expect(!errors.isEmpty, "this compiles: \(snippet.line)")
                // Errors of the import lines would be for the wrong reason.
                #expect(
                    errors.allSatisfy { $0.contains("/s\(number).swift:\(imports.count { $0 == "\n" } + 1):") },
                    "\(errors)")
                #expect(
                    reason.isEmpty
                        ? errors.contains { Self.isOfOwnership($0) } : errors.contains { $0.contains(reason) },
                    "\(snippet.line): \(errors)")
            } else {
                #expect(errors.isEmpty, "\(snippet.line): \(errors)")
            }
        }
        #expect(!said.contains("no such module"), "\(said.prefix(500))")
    }

    /// Whether an error is about a value that cannot be copied, consumed or be anything else than itself.
    private static func isOfOwnership(_ error: Substring) -> Bool {
        ["Copyable", "copyable", "borrow", "consume", "Encodable", "Error"].contains { error.contains($0) }
    }

    private func compile(_ files: [String]) throws -> String {
        // The modules lie beside the program that runs the tests.
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let modules = URL(fileURLWithPath: program).deletingLastPathComponent().appending(path: "Modules").path
        try #require(FileManager.default.fileExists(atPath: modules + "/ControlPlane.swiftmodule"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["swiftc", "-typecheck", "-wmo", "-swift-version", "6", "-parse-as-library", "-I", modules] + files
        let output = Pipe()
        process.standardError = output
        process.standardOutput = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: text, as: UTF8.self)
    }

    @Test func `E4 what holds keys shows nothing when it is printed, dumped or mirrored`() throws {
        let key = Array("cmk_".utf8) + [UInt8](repeating: UInt8(ascii: "Q"), count: 40)
        let bearer = try #require(key.withUnsafeBytes { AccessUseCases.Bearer($0) })
        let master = MasterKey.ephemeral()
        let book = SessionBook(now: { 0 })
        let link = book.makeLink(for: .commandLine)
        let arena = SecretArena()
        _ = key.withUnsafeBytes { arena.store($0) }
        struct Holder {
            let values: [any Redacted]
        }
        let holder = Holder(values: [bearer, master, Vault(master: master), SessionKey(), book, link, arena])
        for value in holder.values {
            #expect("\(value)" == "<redacted>")
            #expect(String(reflecting: value) == "<redacted>")
            #expect(Mirror(reflecting: value).children.isEmpty)
        }
        var dumped = ""
        dump(holder, to: &dumped)
        #expect(!dumped.contains(link.text) && !dumped.contains("QQQQ") && dumped.contains("<redacted>"))
        // A key dumped as numbers would need at least its length in lines.
        #expect(dumped.split(separator: "\n").count < 16, "\(dumped)")
    }
}
