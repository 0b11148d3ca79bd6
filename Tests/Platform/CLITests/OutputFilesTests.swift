// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Reports
import Testing
import Web

@testable import callmeter

struct OutputFilesTests {
    private static func folder() throws -> String {
        let path = NSTemporaryDirectory() + "callmeter-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    @Test func `a file appears when it is complete, and replaces the one before`() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/out.json"
        try "before".write(toFile: path, atomically: false, encoding: .utf8)
        let file = try AtomicFile(path)
        try file.write("half")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "before")
        try file.write(" and half")
        try file.commit()
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "half and half")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["out.json"])
    }

    @Test func `what is not finished leaves nothing behind`() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            let file = try AtomicFile(folder + "/out.json")
            try file.write("half")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    @Test func `a place that cannot be written is said before the run`() throws {
        let options = try OutputFiles.parse(["--junit", "/nowhere/at/all.xml"])
        let failure = #expect(throws: CommandFailure.self) { try options.check() }
        #expect(failure?.status == .usage)
        #expect(
            failure?.message?.contains("'/nowhere/at/all.xml' cannot be written: No such file or directory") == true)
        #expect(throws: CommandFailure.self) { try OutputFiles.parse(["--html", "/tmp"]).check() }
    }

    @Test func `two results never share a file, and only JSON goes to standard output`() {
        #expect(throws: (any Error).self) { try OutputFiles.parse(["--junit", "x", "--html", "x"]) }
        #expect(throws: (any Error).self) { try OutputFiles.parse(["--csv", "x.csv", "--sipp-stat", "x-seconds.csv"]) }
        #expect(throws: (any Error).self) { try OutputFiles.parse(["--html", "-"]) }
        #expect(throws: Never.self) { try OutputFiles.parse(["--json", "-"]) }
    }

    @Test(arguments: [
        ("out.csv", "out-seconds.csv"), ("a/b.c/out", "a/b.c/out-seconds"), ("out", "out-seconds"),
        ("./x.y.csv", "./x.y-seconds.csv"),
    ]) func `the seconds stand beside the endpoints`(path: String, other: String) {
        #expect(OutputFiles.beside(path, "-seconds") == other)
    }
}
