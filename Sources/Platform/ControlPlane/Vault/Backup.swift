// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import Glibc
import Store

extension VaultUseCases {
    /// A copy of the database.
    public struct Backup: Hashable, Sendable {
        /// The file.
        public var file: String
        /// What it holds.
        public var counts: [VaultReport.Count]
        /// The master key that opens it, which is not in it; nil while nothing was sealed yet.
        public var masterKey: KeyID?
        /// The place of its last audit entry.
        public var auditEntries: Int64
        /// The hash of that entry.
        public var auditHead: [UInt8]
    }

    /// The name a data folder has its database under, so that a copy can be put in its place.
    private static let fileName = "callmeter.sqlite"

    /// Copies the database, as it is at one moment, into a folder that only its owner may enter, while everything goes on. The
    /// copy holds passwords as sealed as they are here, and neither the master key nor anything in clear.
    ///
    /// Throws `invalid` when the folder cannot be made, is open to others, or has a copy already.
    public func backUp(to folder: String, by principal: Principal) async throws(ControlPlaneError) -> Backup {
        try principal.require(.admin, in: nil)
        try Self.prepare(folder)
        let file = folder + "/" + Self.fileName
        guard access(file, F_OK) != 0 else {
            throw ControlPlaneError(.invalid, "there is a copy in '\(folder)' already; name another folder")
        }
        return try await services.perform("backup") {
            let copy = try await services.store.backUp(to: file)
            let accounts = copy.counts.first { $0.name == "accounts" }?.count ?? 0
            try await services.audit(principal, "vault.backup", "database", "\(accounts) accounts, as they are sealed")
            return Backup(
                file: file, counts: copy.counts.map { VaultReport.Count(name: $0.name, count: $0.count) },
                masterKey: copy.masterKey, auditEntries: copy.audit.appended, auditHead: copy.audit.head)
        }
    }

    private static func prepare(_ folder: String) throws(ControlPlaneError) {
        if mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw ControlPlaneError(
                .invalid, "the folder '\(folder)' cannot be made: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw ControlPlaneError(.invalid, "'\(folder)' is no folder")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw ControlPlaneError(
                .invalid, "the folder '\(folder)' is open to others; run: chmod 700 \(folder), or name another")
        }
    }
}
