// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ControlPlane
import Domain
import Glibc
import Web

/// The files that a run's results go to.
struct OutputFiles: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write summary, distributions and seconds as JSON; '-' for standard output.", valueName: "file"))
    var json: String?

    @Flag(help: "Put every endpoint's result into the JSON too.")
    var jsonEndpoints = false

    @Option(
        help: ArgumentHelp("Write JUnit XML: a case for each threshold and each cause of failures.", valueName: "file"))
    var junit: String?

    @Option(help: ArgumentHelp("Write a report for people: one HTML file with charts.", valueName: "file"))
    var html: String?

    @Option(
        help: ArgumentHelp(
            "Write a line for each endpoint as CSV, and one for each second to the same name with '-seconds'.",
            valueName: "file"))
    var csv: String?

    @Option(help: ArgumentHelp("Write the seconds in the columns of SIPp's statistics file.", valueName: "file"))
    var sippStat: String?

    @Option(
        help: ArgumentHelp(
            "Write the SIP messages of the endpoints that failed and of some others as a capture file for Wireshark and sngrep.",
            valueName: "file"))
    var pcap: String?

    /// Each file with what goes into it, but the capture.
    var all: [(path: String, format: RunExport.Format)] {
        var all: [(String, RunExport.Format)] = []
        if let json { all.append((json, .json)) }
        if let junit { all.append((junit, .junit)) }
        if let html { all.append((html, .html)) }
        if let csv { all += [(csv, .csv), (Self.beside(csv, "-seconds"), .seconds)] }
        if let sippStat { all.append((sippStat, .sipp)) }
        return all
    }

    func validate() throws {
        let paths = (all.map(\.path) + [pcap].compactMap(\.self)).filter { $0 != "-" }
        guard Set(paths).count == paths.count else {
            throw ValidationError("two results cannot go to the same file")
        }
        guard pcap != "-", all.allSatisfy({ $0.path != "-" || $0.format == .json }) else {
            throw ValidationError("only --json writes to standard output ('-')")
        }
    }

    /// Throws a usage failure where a file could not be written at the end: better before the run than after it.
    func check() throws(CommandFailure) {
        for path in all.map(\.path) + [pcap].compactMap(\.self) where path != "-" { try AtomicFile.check(path) }
    }

    /// Writes all files, each whole or not at all.
    func write(_ export: RunExport) async throws {
        for (path, format) in all {
            var pieces = export.pieces(format, withEndpoints: jsonEndpoints)
            if path == "-" {
                while let piece = try await pieces.next() { Output.write(piece, to: STDOUT_FILENO) }
                continue
            }
            let file = try AtomicFile(path)
            while let piece = try await pieces.next() { try file.write(piece) }
            try file.commit()
        }
    }

    /// Writes the capture file, where one is wanted.
    func writeCapture(of run: RunID, in plane: ControlPlane) async throws {
        guard let pcap else { return }
        let file = try AtomicFile(pcap)
        var parts = try await plane.runs.capture(of: run, by: .commandLine)
        while let part = try await parts.next() { try file.write(part) }
        try file.commit()
    }

    /// `out.csv` and `-seconds` are `out-seconds.csv`.
    static func beside(_ path: String, _ word: String) -> String {
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/"), dot != path.startIndex else {
            return path + word
        }
        return path[..<dot] + word + path[dot...]
    }
}

/// A file that appears under its name when it is complete: written beside it, then renamed.
final class AtomicFile {
    private let path: String
    private let temporary: String
    private var descriptor: Int32

    /// Opens the temporary file. Throws in words.
    init(_ path: String) throws(CommandFailure) {
        self.path = path
        temporary = path + ".\(getpid()).partial"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path) }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(temporary)
    }

    /// Appends a text. Throws in words, a full disk for example.
    func write(_ text: String) throws(CommandFailure) { try write(Array(text.utf8)) }

    /// Appends bytes. Throws in words.
    func write(_ bytes: [UInt8]) throws(CommandFailure) {
        let isWritten = bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return true
        }
        guard isWritten else { throw Self.failure(path) }
    }

    /// Gives the file its name. Throws in words.
    func commit() throws(CommandFailure) {
        let isClosed = close(descriptor) == 0
        descriptor = -1
        guard isClosed, rename(temporary, path) == 0 else {
            let failure = Self.failure(path)
            unlink(temporary)
            throw failure
        }
    }

    /// Throws where a file of this name could not be made.
    static func check(_ path: String) throws(CommandFailure) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            close(folder)
            throw .usage("'\(path)' cannot be written: it is a folder")
        }
        _ = try AtomicFile(path)
    }

    private static func failure(_ path: String) -> CommandFailure {
        .usage("'\(path)' cannot be written: \(String(cString: strerror(errno)))")
    }
}
