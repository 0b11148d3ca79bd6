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
    /// A line of a program and, where it must not compile, the words one of which its error must have.
    private struct Snippet {
        let line: String
        var reasons: [String] = []
    }

    /// Everything that shows a value, with what the compiler says of one that cannot be copied.
    private static let uses = [
        (#"_ = "\(it)""#, "appendInterpolation"), ("print(it)", "'Copyable'"), ("debugPrint(it)", "'Copyable'"),
        ("dump(it)", "'Copyable'"), ("_ = String(describing: it)", "in call to initializer"),
        ("_ = String(reflecting: it)", "'Copyable'"), ("_ = Mirror(reflecting: it)", "'Copyable'"),
        ("_ = it as Any", "'Any'"), ("_ = [it]", "'Copyable'"), ("throw it", "'Error'"),
        ("_ = try JSONEncoder().encode(it)", "'Encodable'"),
        (#"Logger(label: "x").info("\(it)")"#, "appendInterpolation"),
        (#"Logger(label: "x").info("a", metadata: ["b": "\(it)"])"#, "appendInterpolation"),
    ]
    private static let noncopyable = ["SecretBytes", "LockedMemory", "AccessUseCases.NewKey"]
    private static let redacted = [
        "SessionKey", "MasterKey", "DataKey", "Vault", "AccessUseCases.Bearer", "SessionToken", "SecretArena",
    ]

    private static let snippets: [Snippet] = {
        var all: [Snippet] = []
        for (use, reason) in uses {
            for kind in noncopyable {
                all.append(Snippet(line: "func f(_ it: borrowing \(kind)) throws { \(use) }", reasons: [reason]))
            }
            // The control: the same line about what may be shown.
            all.append(
                Snippet(
                    line: "func f(_ it: ControlPlaneError) throws { \(use.replacing("encode(it)", with: "encode(1)")) }"
                ))
        }
        for kind in redacted {
            all.append(
                Snippet(
                    line: "func f(_ it: \(kind)) throws { _ = try JSONEncoder().encode(it) }", reasons: ["'Encodable'"])
            )
        }
        all.append(
            Snippet(line: "func f(_ it: borrowing SecretBytes) { print(it.count); it.withBytes { _ = $0.count } }"))
        return all
    }()

    @Test func `E4 a line that prints, logs, dumps, throws or encodes a secret does not compile`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "unprintable-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let modules = ["Bedrock", "ControlPlane", "Foundation", "Logging", "Vault", "Web", "WorkerLink"]
        var files: [String] = []
        for (number, snippet) in Self.snippets.enumerated() {
            let file = folder.appending(path: "s\(number).swift")
            let imports = modules.map { "import \($0)\n" }.joined()
            // One module, so no two functions of one name.
            let line = snippet.line.replacing("func f(", with: "func f\(number)(")
            try "\(imports)\(line)\n".write(to: file, atomically: true, encoding: .utf8)
            files.append(file.path)
        }
        let arguments = try Self.arguments() + files
        let said = try await withCheckedThrowingContinuation { done in
            Thread.detachNewThread { done.resume(with: Result { try Self.compile(arguments) }) }
        }
        for (number, snippet) in Self.snippets.enumerated() {
            let errors = said.split(separator: "\n").filter {
                $0.contains("/s\(number).swift:") && $0.contains(": error: ")
            }
            if snippet.reasons.isEmpty {
                #expect(errors.isEmpty, "\(snippet.line): \(errors)")
            } else {
                #expect(!errors.isEmpty, "this compiles: \(snippet.line)")
                #expect(errors.allSatisfy { $0.contains(".swift:\(modules.count + 1):") }, "not in its line: \(errors)")
                #expect(
                    errors.contains { error in snippet.reasons.contains { error.contains($0) } },
                    "\(snippet.line): \(errors)")
            }
        }
    }

    private static func arguments() throws -> [String] {
        // The modules lie beside the program that runs the tests.
        let program = URL(
            fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        let products = program.deletingLastPathComponent()
        try #require(FileManager.default.fileExists(atPath: products.path + "/Modules/ControlPlane.swiftmodule"))
        return [
            "swiftc", "-typecheck", "-wmo", "-swift-version", "6", "-parse-as-library", "-I",
            products.path + "/Modules",
        ]
            + moduleMaps(products: products).flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
    }

    private static func compile(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        let output = Pipe()
        process.standardError = output
        process.standardOutput = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: text, as: UTF8.self)
    }

    /// Of the C modules that ours stand on.
    private static func moduleMaps(products: URL) -> [String] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let checkouts = products.deletingLastPathComponent().deletingLastPathComponent().appending(path: "checkouts")
        var found: [String] = []
        func search(_ folder: URL) {
            guard let all = FileManager.default.enumerator(atPath: folder.path) else { return }
            for case let path as String in all where path.hasSuffix("/module.modulemap") {
                if path.contains("Sources/"), !path.contains("Benchmarks/") { found.append("\(folder.path)/\(path)") }
            }
        }
        search(checkouts)
        let own = root.appending(path: "Sources")
        found += ["CCares", "CCrypto"].map { own.appending(path: "\($0)/module.modulemap").path }
        let built = (try? FileManager.default.contentsOfDirectory(atPath: products.path)) ?? []
        for name in built where name.hasSuffix(".build") {
            let map = products.appending(path: "\(name)/module.modulemap").path
            if FileManager.default.fileExists(atPath: map) { found.append(map) }
        }
        return found
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
