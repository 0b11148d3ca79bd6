// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CCrypto
import Foundation
import SIP

extension HashFunctions {
    /// libcrypto's, as the program uses them.
    static var libcrypto: HashFunctions {
        HashFunctions { algorithm, input, output in
            precondition(
                callmeter_digest(Int32(algorithm.rawValue), input.baseAddress, input.count, output.baseAddress) == 1)
        }
    }
}

extension SecretArena {
    func store(_ text: String) -> SecretHandle { Array(text.utf8).withUnsafeBytes { store($0) } }
}

/// The judge in Tests/Oracle: takes cases, gives one answer for each.
enum DigestOracle {
    static func answers(to cases: [(command: String, fields: [[UInt8]])]) throws -> [String] {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Oracle/digest.py")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script.path]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let lines = cases.map { item in
            ([item.command]
                + item.fields.map { $0.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() })
                .joined(separator: "\t")
        }
        // The judge reads everything before it answers, so neither side can block the other.
        try input.fileHandleForWriting.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
        try input.fileHandleForWriting.close()
        let answer = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: answer, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .dropLast()
            .map(String.init)
    }
}
