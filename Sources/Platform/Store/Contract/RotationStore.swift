// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain

/// Rotation of a whole list of accounts: new passwords for accounts that are there, all of them or none (A5).
public protocol RotationStore: Sendable {
    /// Opens a rotation of a registrar's accounts. Throws `notFound`, and `importOpen` while a list is being read already.
    func beginRotation(_ id: ImportID, of registrar: RegistrarID, at time: UnixTime) async throws
    /// Stages new identifiers and passwords for usernames, in rising order of lines. Usernames within one list differ.
    /// Throws `importClosed`.
    func stageRotation(_ chunk: StagedChunk, in id: ImportID) async throws
    /// Gives each account of the list its new identifier and password in one transaction; position and leftover contact stay,
    /// the last registration is forgotten. Realm and extension are replaced where the list has such a column.
    ///
    /// Nothing is changed where a username is unknown, a run holds one of the accounts, or `apply` is false; the answer says
    /// what stands against it. The rotation is over in any case. `audit` is appended in the same transaction, where accounts
    /// were rotated. Throws `importClosed`.
    func rotate(
        _ id: ImportID, columns: ImportColumns, apply: Bool, at time: UnixTime,
        audit: @escaping @Sendable (PublishedRotation) -> AuditEntry
    ) async throws -> PublishedRotation
    /// Forgets what was staged. A rotation that is over is passed over.
    func abandonRotation(_ id: ImportID) async throws
}
