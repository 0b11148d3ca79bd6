// SPDX-License-Identifier: Apache-2.0

import API
import Foundation

/// What docs/openapi.yaml promises, read by its indentation.
enum Description {
    static func operations() throws -> [(path: String, edits: Bool)] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/openapi.yaml")
        var found: [(path: String, edits: Bool)] = []
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if line == "components:" { break }
            if line.hasPrefix("  /"), line.hasSuffix(":") {
                found.append((String(line.dropFirst(2).dropLast()), false))
            }
            if !found.isEmpty, ["    put:", "    patch:"].contains(line) { found[found.count - 1].edits = true }
        }
        return found
    }
}

/// The time of day as the API writes it, to whole seconds, so that it can be compared as text.
enum UnixText {
    static func now() -> String {
        let format = Date.ISO8601FormatStyle(timeZone: .gmt)
        return String(Date.now.formatted(format).dropLast())
    }
}

/// Gives bytes out some at a time, as an import reads them.
func pieces(of bytes: [UInt8], atOnce: Int = 997) -> (UnsafeMutableRawBufferPointer) async throws -> Int {
    var rest = bytes[...]
    return { page in
        let count = min(rest.count, atOnce, page.count)
        page.copyBytes(from: rest.prefix(count))
        rest = rest.dropFirst(count)
        return count
    }
}

extension JSONValue {
    /// A key of an object; nil where there is none.
    func field(_ name: String) -> JSONValue? {
        guard case .object(let fields) = self else { return nil }
        return fields[name]
    }

    /// The text of a string.
    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
}
