// SPDX-License-Identifier: Apache-2.0
//
// Each check is shown a text that breaks its rule and one that does not.

import Testing

private func swift(_ text: String, at path: String = "Sources/Engine/SIP/Sample.swift") -> SourceText {
    SourceText(path: path, text: text)
}

struct SourceTextTests {
    @Test func `comments, literals and code are told apart`() {
        let file = swift(
            #"""
            let a = "print( // no" // said: print(
            let b = "\(print(1)) dump(" /* dump( */
            let c = #"x " print("#; func `print( me`() {}
            """#)
        #expect(file.linesOf("print(", in: .code) == [2])
        #expect(file.linesOf("print(", in: .comments) == [1])
        #expect(file.linesOf("dump(", in: .code) == [])
        #expect(file.linesOf("dump(", in: .comments) == [2])
        #expect(file.linesOf("func", in: .code) == [3])
    }

    @Test func `a multi-line literal ends where it ends`() {
        let file = swift("let a = \"\"\"\n  print(\n  \"\"\"\nprint(1)\n")
        #expect(file.linesOf("print(", in: .code) == [4])
    }

    @Test func `a word is not found inside a longer one`() {
        let file = swift("asleep(1)\nlet taskTask = 1\nsleep(1)\n")
        #expect(file.linesOf("sleep", in: .code) == [3])
        #expect(file.linesOf("Task", in: .code) == [])
    }
}

struct ImportCheckTests {
    @Test(arguments: [
        ("Sources/Engine/SIP/A.swift", "import Foundation"),
        ("Sources/Engine/SIP/A.swift", "import Media"),
        ("Sources/Engine/SIP/A.swift", "public import NIOCore"),
        ("Sources/Engine/SIP/A.swift", "import struct Foundation.Date"),
        ("Sources/Engine/SIP/A.swift", "import Synchronization"),
        ("Sources/Engine/Bedrock/Instant.swift", "import Glibc"),
        ("Sources/Engine/Domain/A.swift", "@testable import Store"),
        ("Sources/Platform/Store/A.swift", "internal import Vault"),
        ("Sources/Platform/Vault/A.swift", "import Store"),
        ("Sources/Platform/Web/Routes/A.swift", "import Store"),
        ("Sources/Platform/Worker/A.swift", "import ControlPlane"),
        ("Sources/Platform/ControlPlane/A.swift", "import Worker"),
        ("Sources/Platform/API/A.swift", "import Domain"),
        ("Sources/Platform/Runtime/A.swift", "import Domain"),
        ("Sources/Platform/Attic/A.swift", "import Bedrock"),
        ("Tests/Engine/SIPTests/A.swift", "import Runtime"),
    ])
    func `a forbidden import is found`(path: String, text: String) {
        #expect(ImportCheck.check(swift("// x\n" + text + "\n", at: path), against: .law).count == 1)
    }

    @Test(arguments: [
        ("Sources/Engine/UserAgent/A.swift", "public import SIP"),
        ("Sources/Engine/Bedrock/LockedMemory.swift", "import Glibc"),
        ("Sources/Platform/ControlPlane/A.swift", "import Store\nimport Vault"),
        ("Sources/Platform/Runtime/A.swift", "import NIOCore\nimport CNet\nimport Dispatch"),
        ("Sources/Platform/Store/A.swift", "// import Vault\nlet a = \"import Vault\"\nimport GRDB"),
        ("Tests/Platform/WebTests/A.swift", "import Store"),
    ])
    func `an allowed import passes`(path: String, text: String) {
        #expect(ImportCheck.check(swift(text + "\n", at: path), against: .law) == [])
    }

    @Test func `a table with a circle, an outward arrow or a forbidden pair is refused`() {
        func room(_ name: String, _ folder: String, _ own: Set<String>) -> ImportTable.Room {
            ImportTable.Room(name: name, folder: folder, own: own, external: [], system: [])
        }
        let circle = ImportTable(rooms: [
            room("SIP", "Sources/Engine/SIP", ["Media"]), room("Media", "Sources/Engine/Media", ["SIP"]),
        ])
        let outward = ImportTable(rooms: [room("SIP", "Sources/Engine/SIP", ["Runtime"])])
        let pair = ImportTable(rooms: [room("Store", "Sources/Platform/Store", ["Vault"])])
        #expect(ImportCheck.check(table: circle).count == 2)
        #expect(ImportCheck.check(table: outward).count == 1)
        #expect(ImportCheck.check(table: pair).count == 1)
    }
}

struct CodeCheckTests {
    @Test(arguments: CodeCheck.bannedInEngine.map(\.token))
    func `a banned call in the engine is found`(token: String) {
        let line = "let x = y\(token.hasPrefix(".") ? "" : " ")\(token)\n"
        #expect(!CodeCheck.bannedCalls(swift(line)).isEmpty)
        #expect(CodeCheck.bannedCalls(swift(line, at: "Sources/Platform/Runtime/A.swift")).isEmpty)
        #expect(CodeCheck.bannedCalls(swift("// \(line)")).isEmpty)
    }

    @Test func `randomness needs a generator that was handed in`() {
        #expect(CodeCheck.bannedCalls(swift("let a = UInt64.random(in: 0...9)\n")).count == 1)
        #expect(CodeCheck.bannedCalls(swift("let a = UInt64.random(in: 0...9, using: &random)\n")) == [])
        #expect(CodeCheck.bannedCalls(swift("let a = Int.random(\n    in: 0...9,\n    using: &random)\n")) == [])
    }

    @Test(arguments: CodeCheck.needsReason)
    func `a spelling that needs a reason is found without one`(token: String) {
        let bare = "/// A thing.\nlet x = 1 \(token) 2\n\nlet z = 3\n"
        #expect(CodeCheck.missingReasons(swift(bare)).map(\.line) == [2])
        #expect(CodeCheck.missingReasons(swift("// Confined to one loop.\nlet x = 1 \(token) 2\n")) == [])
        #expect(CodeCheck.missingReasons(swift("let x = 1 \(token) 2 // checked above\n")) == [])
        #expect(CodeCheck.missingReasons(swift("let x = 1 \(token) 2\n// Safe: read only.\n")) == [])
    }

    @Test func `the optimisation without bounds checks is found`() {
        let flag = "-O" + "unchecked"
        #expect(CodeCheck.uncheckedOptimisation(swift("\"\(flag)\"", at: "Package.swift")).count == 1)
        #expect(CodeCheck.uncheckedOptimisation(SourceText(path: "scripts/build", text: "swiftc \(flag)")).count == 1)
    }
}

struct LeftoverCheckTests {
    @Test(arguments: LeftoverCheck.words)
    func `a leftover word is found in code, comments and scripts`(word: String) {
        #expect(LeftoverCheck.leftWords(swift("// \(word): later\n")).count == 1)
        #expect(LeftoverCheck.leftWords(swift("let a = \(word)(1)\n")).count == 1)
        #expect(LeftoverCheck.leftWords(SourceText(path: "scripts/test", text: "# \(word)\n")).count == 1)
        #expect(LeftoverCheck.leftWords(swift("let a = \(word)S\n")) == [])
    }

    @Test(arguments: LeftoverCheck.markers)
    func `a merge marker is found`(marker: String) {
        #expect(LeftoverCheck.mergeMarkers(swift("let a = 1\n\(marker) HEAD\n")).map(\.line) == [2])
    }

    @Test(arguments: LeftoverCheck.homes)
    func `a path of one machine is found`(home: String) {
        #expect(LeftoverCheck.machinePaths(swift("let a = \"/\(home)/me\"\n")).count == 1)
        #expect(LeftoverCheck.machinePaths(SourceText(path: "docs/A.md", text: "see /\(home)/me\n")).count == 1)
        #expect(LeftoverCheck.machinePaths(swift("let a = \"/api/v1/\(home)/me\"\n")) == [])
    }

    @Test(arguments: [
        "let a = 1", "var a: Int = 1", "if ready {", "}", "return call(me)", "socket.close()", "import Foundation",
        "send(x);",
    ])
    func `code in a comment is found`(code: String) {
        #expect(LeftoverCheck.deadCode(swift("let x = 1\n    // \(code)\n")).map(\.line) == [2])
        #expect(LeftoverCheck.deadCode(swift("/// \(code)\n")) == [])
    }

    @Test(arguments: [
        "let the caller wait (RFC 3261 §17.1.1.2)", "return early when nothing was received", "if it fails: again",
        "Sendable: the value owns its pages alone.", "import lines are read once", "see Bedrock.swift",
    ])
    func `prose in a comment passes`(prose: String) {
        #expect(LeftoverCheck.deadCode(swift("// \(prose)\n")) == [])
    }
}

struct ShapeCheckTests {
    private func function(lines: Int, indent: String = "") -> String {
        "\(indent)func a(\n\(indent)    b: Int\n\(indent)) {\n"
            + String(repeating: "\(indent)    b += 1\n", count: lines - 4) + "\(indent)}\n"
    }

    @Test func `a long function is found, one at the limit passes`() {
        let limit = ShapeCheck.maximumFunctionLines
        #expect(ShapeCheck.functionLength(swift(function(lines: limit))) == [])
        #expect(ShapeCheck.functionLength(swift(function(lines: limit + 1))).map(\.line) == [1])
        let nested = "struct A {\n    var x: Int\n" + function(lines: limit + 1, indent: "    ") + "}\n"
        #expect(ShapeCheck.functionLength(swift(nested)).map(\.line) == [3])
    }

    @Test func `a requirement without a body is no function`() {
        let requirements = String(repeating: "    func a() -> Int\n", count: 100)
        #expect(ShapeCheck.functionLength(swift("protocol A {\n\(requirements)}\n")) == [])
    }

    @Test func `a long file is found`() {
        let limit = ShapeCheck.maximumFileLines
        #expect(ShapeCheck.fileLength(swift(String(repeating: "x\n", count: limit))) == [])
        #expect(ShapeCheck.fileLength(swift(String(repeating: "x\n", count: limit + 1))).count == 1)
    }

    @Test func `a missing licence is found`() {
        let line = "SPDX-License-Identifier: Apache-2.0"
        #expect(ShapeCheck.licence(swift("import A\n")).count == 1)
        #expect(ShapeCheck.licence(swift("// \(line)\n")) == [])
        #expect(ShapeCheck.licence(SourceText(path: "scripts/test", text: "#!/usr/bin/env bash\n")).count == 1)
        #expect(ShapeCheck.licence(SourceText(path: "scripts/test", text: "#!/usr/bin/env bash\n# \(line)\n")) == [])
        #expect(ShapeCheck.licence(SourceText(path: "docs/A.md", text: "# A\n")) == [])
    }
}
