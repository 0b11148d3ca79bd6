// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Foundation
import Testing

/// What holds for every list, whatever stands in it: lists are drawn from a seed, which the test's name shows.
///
/// CALLMETER_SEED repeats one; otherwise some are always the same and some are new each time.
@Suite(.timeLimit(.minutes(4))) struct ImportProperties {
    static let seeds: [UInt64] = {
        if let chosen = ProcessInfo.processInfo.environment["CALLMETER_SEED"].flatMap(UInt64.init) { return [chosen] }
        return Array(0..<8) + (0..<4).map { _ in UInt64.random(in: 1_000...UInt64(UInt32.max)) }
    }()

    @Test(arguments: ImportFormat.allCases, seeds)
    func `B5 B8 created, skipped and failed are all lines that are not blank, and a second import creates none`(
        format: ImportFormat, seed: UInt64
    ) async throws {
        try await Lab.open { lab in
            var list = DrawnList(format, seed: seed)
            let (text, records, names) = list.draw()
            // Some of the names are there already.
            let known = names.enumerated().filter { $0.offset % 5 == 0 }.map(\.element)
            if !known.isEmpty { _ = try await lab.bulk(known.map { "\($0):known\n" }.joined()) }
            let atOnce = [1, 7, 64, 1_000, 65_536][Int(seed % 5)]
            func read() async throws -> Domain.ImportReport {
                try await lab.office.control.accounts.importLines(
                    into: lab.office.registrar, as: format, dryRun: false, by: .commandLine,
                    reading: pieces(of: text, atOnce: atOnce))
            }
            let first = try await read()
            let total = try await lab.usage().total
            #expect(first.created + first.skipped + first.failed == records)
            #expect(first.created + known.count == total)
            #expect(first.created + first.skipped == names.count, "each name once, from its first valid line")
            #expect(first.counts.reduce(0) { $0 + $1.count } == first.skipped + first.failed)
            #expect(first.problems.count == min(1_000, first.skipped + first.failed))
            #expect(Set(try await lab.accounts().map(\.username)) == Set(known).union(names))

            let second = try await read()
            #expect(second.created == 0)
            #expect(second.skipped == names.count)
            #expect(second.failed == first.failed)
            #expect(try await lab.usage().total == total)
        }
    }
}

/// A list with lines of every kind in any order.
private struct DrawnList {
    private let format: ImportFormat
    private var random: SeededRandom
    private var names: [String] = []

    init(_ format: ImportFormat, seed: UInt64) {
        self.format = format
        random = SeededRandom(seed: seed)
    }

    /// The bytes, how many of the records are not blank, and the usernames that have a valid one.
    mutating func draw() -> (text: [UInt8], records: Int, names: [String]) {
        var text = random.next() % 2 == 0 ? [UInt8]([0xEF, 0xBB, 0xBF]) : []
        switch format {
        case .lines: break
        case .csv: text += Array("username,password,realm,extension\r\n".utf8)
        case .sipp: text += Array("SEQUENTIAL\n".utf8)
        }
        var records = 0
        for _ in 0..<200 {
            let (line, isRecord) = line()
            text += Array(line.utf8)
            records += isRecord ? 1 : 0
            text += random.next() % 3 == 0 ? [0x0D, 0x0A] : [0x0A]
        }
        return (text, records, names)
    }

    /// One line, and whether it is to be counted.
    private mutating func line() -> (String, Bool) {
        let kind = random.next() % 10
        if kind == 0 { return ("", false) }
        if kind <= 2 { return (broken(), true) }
        // Few different names, so that many come twice.
        let name = "user\(random.next() % 120)"
        if !names.contains(name) { names.append(name) }
        return (valid(name, password: "p\(random.next())"), true)
    }

    private mutating func valid(_ name: String, password: String) -> String {
        switch format {
        case .lines: "\(name):\(password)"
        case .csv:
            ["\(name),\(password),,", "\(name),\"\(password):,\"\"x\",realm,", "\"\(name)\",\"a\nb\",,100"][
                Int(random.next() % 3)]
        case .sipp:
            [
                "\(name);[authentication username=\(name) password=\(password)];x",
                "[authentication username=\(name) password=\"\(password)\"];",
            ][Int(random.next() % 2)]
        }
    }

    private mutating func broken() -> String {
        let choices: [String] =
            switch format {
            case .lines: ["no colon", " ", ":x", "user1:", "user 1:x", "a:b:c", "\u{1}:x", "::"]
            case .csv: [",x,,", "user1,,,", "user 1,x,,", "a,b,c,d,e", "user1", "\"open\"x,y,,", " ,x,,"]
            case .sipp: ["user1;nothing;", ";;", "[authentication username=user1];", "[authentication password=x];"]
            }
        return choices[Int(random.next() % UInt64(choices.count))]
    }
}
