// SPDX-License-Identifier: Apache-2.0

import Domain
import FoundationEssentials

/// How a test's definition is kept: the JSON text of its document.
enum DefinitionText {
    static func encode(_ definition: TestDefinition) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return Array(try encoder.encode(definition.document))
    }

    static func decode(_ bytes: [UInt8]) throws -> TestDefinition {
        try TestDefinition.read(JSONDecoder().decode(DocumentNode.self, from: Data(bytes)))
    }
}
