// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Store
import Vault

extension SQLiteStore {
    /// A store in memory whose audit log is chained as it is everywhere.
    static func inMemory() throws -> SQLiteStore { try inMemory(hash: Fingerprint.sha256) }

    /// A store in a file whose audit log is chained as it is everywhere.
    convenience init(path: String) throws { try self.init(path: path, hash: Fingerprint.sha256) }
}
