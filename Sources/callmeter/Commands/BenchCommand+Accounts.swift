// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock
import ControlPlane
import Domain
import FoundationEssentials
import Glibc
import Store
import Synchronization

extension BenchCommand {
    struct Accounts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bulk import of accounts, twice, then their listing and allocation.",
            discussion: "All by the use cases that page and API go through; what is stored is removed at the end.")

        @Option(help: "Accounts in each of the two imports.") var count: Int
        @Option(help: ArgumentHelp("A folder for the data (default: a temporary one).", valueName: "folder"))
        var data: String?

        mutating func run() async throws {
            Logs.quiet()
            let count = try BenchCommand.positive(count, "--count")
            let temporary = data == nil ? try TemporaryFolder() : nil
            defer { temporary?.remove() }
            let folder = try DataFolder(data ?? temporary?.path ?? ".", .alone)
            let store = try folder.store()
            let plane = ControlPlane(store: store, vault: try folder.vault(for: store))
            do {
                let result = try await AccountBench(plane: plane, store: store, count: count).run()
                try await store.close()
                Output.line(try JSONOutput.text(result, pretty: false))
            } catch {
                try? await store.close()
                throw error
            }
        }
    }
}

/// What `bench accounts` measures.
struct AccountBenchResult: Encodable {
    var benchmark = "accounts"
    /// Accounts in each import.
    var count: Int
    var importSeconds: Double
    /// CPU time of all threads.
    var importCPUSeconds: Double
    /// By how much the largest resident memory during the first import was above the memory before it.
    var memoryGrowthMiB: Double
    /// The same number of other accounts into the same registrar.
    var secondImportSeconds: Double
    var secondImportCPUSeconds: Double
    /// How long the slowest of many small transactions of somebody else took during both imports.
    var longestOtherWriteMs: Double
    var otherWrites: Int
    var allocated: Int
    var allocateSeconds: Double
    var releaseSeconds: Double
    /// Page 1 of all accounts with the total, by order of addition; the median of many.
    var listMs: Double
    /// The same by username.
    var listByUsernameMs: Double
    /// The same of those whose username holds a text.
    var searchMs: Double
}

/// Imports, lists and lends accounts, and says how long it took.
struct AccountBench {
    private static let mostAllocated = 100_000
    private static let listings = 21
    /// A search reads all accounts.
    private static let searches = 5

    let plane: ControlPlane
    let store: SQLiteStore
    let count: Int

    func run() async throws -> AccountBenchResult {
        let name = "bench-\(getpid())"
        let project = try await plane.projects.create(name: name, by: .commandLine)
        let registrar = try await plane.registrars.create(
            RegistrarDraft(name: name, domain: "127.0.0.1"), in: project.id, by: .commandLine)
        // What the first use of everything costs is no part of the figures.
        try await fill(registrar.id, with: AccountLines(prefix: "warm", 0..<1_000))
        let before = ProcessMemory.now
        let others = OtherWriter(store: store, project: project.id)
        async let waits = others.run()
        let first = try await timed { try await fill(registrar.id, with: AccountLines(prefix: "cm-test", 0..<count)) }
        let growth = ProcessMemory.peak - before
        let second = try await timed {
            try await fill(registrar.id, with: AccountLines(prefix: "cm-test", count..<2 * count))
        }
        others.stop()
        let (longest, writes) = try await waits
        let lent = min(count, Self.mostAllocated)
        let (allocation, release) = try await lend(lent, of: registrar.id, in: project.id)
        return AccountBenchResult(
            count: count, importSeconds: first.wall, importCPUSeconds: first.cpu,
            memoryGrowthMiB: Double(growth) / 1_048_576, secondImportSeconds: second.wall,
            secondImportCPUSeconds: second.cpu, longestOtherWriteMs: longest * 1_000, otherWrites: writes,
            allocated: lent, allocateSeconds: allocation, releaseSeconds: release,
            listMs: try await listing(registrar.id, AccountQuery()),
            listByUsernameMs: try await listing(registrar.id, AccountQuery(order: .username)),
            searchMs: try await listing(registrar.id, AccountQuery(text: "test-00000")))
    }

    private func fill(_ registrar: RegistrarID, with lines: AccountLines) async throws {
        var lines = lines
        let report = try await plane.accounts.importLines(into: registrar, dryRun: false, by: .commandLine) { page in
            lines.fill(page)
        }
        guard report.created == lines.count else {
            throw CommandFailure(.endpointsFailed, "\(report.created) of \(lines.count) accounts were created")
        }
    }

    /// Lends accounts to a run and takes them back; seconds for both.
    private func lend(
        _ accounts: Int, of registrar: RegistrarID, in project: ProjectID
    ) async throws -> (allocate: Double, release: Double) {
        var random = SystemRandomNumberGenerator()
        let now = UnixTime(nanoseconds: Int64(Stopwatch.unixSeconds * 1e9))
        let run = RunRecord(
            id: RunID(at: now, random: &random), project: project, test: nil, testName: "bench", definition: [],
            endpoints: accounts, requestedBy: "bench", createdAt: now)
        try await store.add(run)
        let allocation = try await timed {
            _ = try await store.allocate(
                run: run.id, [GroupDemand(registrar: registrar, endpoints: accounts)], term: .seconds(600),
                by: "bench")
        }
        let release = try await timed {
            try await store.finish(
                run.id, RunEnding(status: .completed, at: now), under: nil, by: "bench")
        }
        return (allocation.wall, release.wall)
    }

    private func listing(_ registrar: RegistrarID, _ query: AccountQuery) async throws -> Double {
        var times: [Double] = []
        let rounds = query.text == nil ? Self.listings : Self.searches
        for _ in 0..<rounds {
            times.append(
                try await timed { _ = try await plane.accounts.list(of: registrar, query, by: .commandLine) }.wall)
        }
        return times.sorted()[rounds / 2] * 1_000
    }

    private func timed(_ body: () async throws -> Void) async throws -> (wall: Double, cpu: Double) {
        let (wall, cpu) = (Stopwatch.seconds, Stopwatch.cpuSeconds)
        try await body()
        return (Stopwatch.seconds - wall, Stopwatch.cpuSeconds - cpu)
    }
}

/// `prefix-0000001:0123456789abcdef` lines, made in the buffer they are asked for in.
struct AccountLines {
    private static let digits = 7
    private static let passwordBytes = 16

    private let prefix: [UInt8]
    private var numbers: Range<Int>
    /// How many lines there are in all.
    let count: Int
    /// How many bytes a line has.
    private let length: Int

    init(prefix: String, _ numbers: Range<Int>) {
        self.prefix = [UInt8]((prefix + "-").utf8)
        self.numbers = numbers
        count = numbers.count
        length = self.prefix.count + Self.digits + 1 + Self.passwordBytes + 1
    }

    /// Fills the buffer with the next whole lines; gives how many bytes, 0 after the last.
    mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var place = 0
        while place + length <= buffer.count, let number = numbers.popFirst() {
            for byte in prefix {
                buffer[place] = byte
                place += 1
            }
            var rest = number
            for digit in (0..<Self.digits).reversed() {
                buffer[place + digit] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            buffer[place + Self.digits] = UInt8(ascii: ":")
            place += Self.digits + 1
            // A step of the SplitMix generator: no two passwords are alike.
            var mixed = (UInt64(number) &+ 1) &* 0x9E37_79B9_7F4A_7C15
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            for _ in 0..<Self.passwordBytes {
                let nibble = UInt8(mixed >> 60)
                buffer[place] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
                mixed <<= 4
                place += 1
            }
            buffer[place] = UInt8(ascii: "\n")
            place += 1
        }
        return place
    }
}

/// Somebody else who writes during an import, a small transaction every few milliseconds.
private final class OtherWriter: Sendable {
    private static let pause = Duration.milliseconds(10)

    private let store: SQLiteStore
    private let project: ProjectID
    private let isStopped = Atomic(false)

    init(store: SQLiteStore, project: ProjectID) {
        self.store = store
        self.project = project
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Writes until it is stopped; gives the seconds of the slowest transaction and how many there were.
    @concurrent func run() async throws -> (longest: Double, count: Int) {
        var longest = 0.0
        var count = 0
        while !isStopped.load(ordering: .relaxed) {
            let start = Stopwatch.seconds
            try await store.rename(project, to: "bench-\(getpid())-\(count % 2)")
            longest = max(longest, Stopwatch.seconds - start)
            count += 1
            try await Task.sleep(for: Self.pause)
        }
        return (longest, count)
    }
}

/// Clocks of this process, in seconds.
private enum Stopwatch {
    /// Steady time.
    static var seconds: Double { read(CLOCK_MONOTONIC) }
    /// CPU time of all threads.
    static var cpuSeconds: Double { read(CLOCK_PROCESS_CPUTIME_ID) }
    /// The time of day.
    static var unixSeconds: Double { read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Resident memory of this process in bytes, as the kernel counts it.
private enum ProcessMemory {
    static var now: Int { field("VmRSS:") }
    static var peak: Int { field("VmHWM:") }

    private static func field(_ name: String) -> Int {
        guard let status = FileManager.default.contents(atPath: "/proc/self/status") else { return 0 }
        let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix(name) }) else { return 0 }
        return (line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0)
            * 1_024
    }
}
