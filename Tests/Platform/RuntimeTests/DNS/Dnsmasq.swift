// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Foundation

@testable import Runtime

/// A dnsmasq on a free port of loopback, with a log of what it was asked. It ends with this value.
final class Dnsmasq {
    static let path = "/usr/sbin/dnsmasq"
    static var isHere: Bool { FileManager.default.isExecutableFile(atPath: path) }

    struct NotStarted: Error {
        let log: String
    }

    private static let attempts = 5

    let address: TransportAddress
    private let process: ChildProcess
    private let log: URL

    /// Starts it with these lines of configuration, and waits until it says that it is there. A port that was free may be another
    /// test's by then, so it is tried again on another one.
    init(_ lines: [String]) async throws {
        var attempt = 1
        while true {
            let port = try await unusedPort()
            do {
                (process, log) = try await Self.start(lines, on: port)
                address = port
                return
            } catch is NotStarted where attempt < Self.attempts {
                attempt += 1
            }
        }
    }

    private static func start(
        _ lines: [String], on address: TransportAddress
    ) async throws -> (process: ChildProcess, log: URL) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "callmeter-dns-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let log = folder.appending(path: "log")
        let configuration = folder.appending(path: "conf")
        let common = [
            "port=\(address.port)", "listen-address=127.0.0.1", "bind-interfaces", "no-resolv", "no-hosts",
            "local=/example/", "local-ttl=120", "log-queries", "log-facility=\(log.path)", "pid-file",
        ]
        try (common + lines).joined(separator: "\n").write(to: configuration, atomically: true, encoding: .utf8)
        let process = try ChildProcess(
            path, ["--keep-in-foreground", "--conf-file=\(configuration.path)", "--user=\(NSUserName())"])
        let end = SystemClock.now() + .seconds(10)
        while !text(log).contains("started") {
            guard process.isRunning, SystemClock.now() < end else {
                let text = text(log)
                try? FileManager.default.removeItem(at: folder)
                throw NotStarted(log: text)
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        return (process, log)
    }

    deinit { try? FileManager.default.removeItem(at: log.deletingLastPathComponent()) }

    private static func text(_ log: URL) -> String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    /// What it was asked, in the order of the log: `SRV _sip._udp.pbx.example`.
    var asked: [String] {
        Self.text(log).split(separator: "\n").compactMap { line in
            guard let start = line.range(of: "query["), let end = line.range(of: " from ") else { return nil }
            return line[start.upperBound..<end.lowerBound].replacingOccurrences(of: "]", with: "")
        }
    }
}
