// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Testing

@testable import Web

struct OpenAPITests {
    /// Method and path of each operation, read from the description by its indentation.
    private static func operations() throws -> [(method: HTTPRequest.Method, path: String)] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../docs/openapi.yaml")
        var found: [(HTTPRequest.Method, String)] = []
        var path = ""
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if line == "components:" { break }
            if line.hasPrefix("  /"), line.hasSuffix(":") { path = String(line.dropFirst(2).dropLast()) }
            for (word, method) in [
                ("get", HTTPRequest.Method.get), ("post", .post), ("patch", .patch), ("delete", .delete),
            ] where line == "    \(word):" {
                found.append((method, path))
            }
        }
        return found
    }

    @Test func `every operation that openapi.yaml describes is a route`() async throws {
        let operations = try Self.operations()
        #expect(operations.count > 30)
        try await Harness().test { caller in
            for (method, path) in operations {
                let filled = path.replacing(/\{n\}/, with: "0").replacing(
                    /\{\w+\}/, with: String(repeating: "0", count: 26))
                let isHealth = ["/healthz", "/readyz", "/metrics"].contains(path)
                let answer = try await caller.send(
                    method, (isHealth ? "" : "/api/v1") + filled, method == .get || method == .delete ? nil : "{}")
                #expect(!answer.text.contains("there is no such route"), "\(method) \(path)")
                #expect(answer.status.code != 405, "\(method) \(path)")
                #expect(answer.status.code < 500, "\(method) \(path): \(answer.text)")
            }
        }
    }
}
