// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// Values as JSON text: sorted keys, two-space indent, ends with no line end.
enum JSONOutput {
    static func text(_ value: some Encodable, pretty: Bool = true) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
