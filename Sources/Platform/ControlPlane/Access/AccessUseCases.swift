// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import Store
import Vault

/// API keys: made, listed, revoked, recognised.
public struct AccessUseCases: Sendable {
    /// What every key begins with, so that secret scanners find it.
    public static let keyPrefix: StaticString = "cmk_"
    /// Base 62 characters after the prefix: 238 bits of chance.
    public static let keyLength = 40
    /// Names longer than this do not fit a list.
    public static let longestName = 100

    let services: Services

    /// A key that was just made; the only time its text is known.
    public struct NewKey: ~Copyable, Sendable {
        /// What is kept of it.
        public let record: APIKeyRecord
        /// The key itself, to be shown once.
        public let key: SecretBytes
    }

    /// Makes a key. Needs admin.
    public func createKey(
        name: String, role: Role, project: ProjectID? = nil, by principal: Principal
    ) async throws(ControlPlaneError) -> NewKey {
        try principal.require(.admin, in: principal.project)
        guard !name.isEmpty, name.count <= Self.longestName else {
            throw ControlPlaneError(
                .invalid, "a key's name has 1 to \(Self.longestName) characters", details: ["field": "name"])
        }
        let confined = principal.project ?? project
        let key = Self.makeKey()
        let record = APIKeyRecord(
            id: services.newID(), name: name, role: role, project: confined,
            hash: key.withBytes { Fingerprint.sha256(of: $0) }, createdAt: services.clock())
        try await services.perform("createKey") {
            if let confined, try await services.store.project(confined) == nil {
                throw ControlPlaneError.notFound("project", confined)
            }
            let entry = services.entry(principal, "keys.create", "key \(record.id)", "\(name), role \(role.rawValue)")
            try await services.store.add(record) { entry }
        }
        return NewKey(record: record, key: key)
    }

    /// All keys, revoked ones too, newest first. Needs admin.
    public func keys(by principal: Principal) async throws(ControlPlaneError) -> [APIKeyRecord] {
        try principal.require(.admin, in: principal.project)
        return try await services.perform("keys") {
            try await services.store.apiKeys().filter { principal.project == nil || $0.project == principal.project }
        }
    }

    /// Revokes a key for ever. Needs admin.
    public func revoke(_ id: APIKeyID, by principal: Principal) async throws(ControlPlaneError) {
        let visible = try await keys(by: principal)
        guard visible.contains(where: { $0.id == id }) else { throw .notFound("key", id) }
        try await services.perform("revoke") {
            let entry = services.entry(principal, "keys.revoke", "key \(id)")
            try await services.store.revoke(id, at: entry.at) { entry }
        }
    }

    /// What a bearer key is looked up by: its hash. Nil when the text cannot be one of our keys.
    public struct Bearer: Hashable, Sendable, Redacted {
        let hash: [UInt8]

        /// Hashes the key; the bytes are not kept.
        public init?(_ key: UnsafeRawBufferPointer) {
            let prefix = AccessUseCases.keyPrefix
            guard key.count == prefix.utf8CodeUnitCount + AccessUseCases.keyLength,
                key.starts(with: UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount))
            else { return nil }
            hash = Fingerprint.sha256(of: key)
        }
    }

    /// Who holds this key. Throws `unauthenticated` for an unknown or revoked one.
    ///
    /// The hash is looked up in an index: what its timing tells is about the hash of a guess, which says nothing of a key.
    public func authenticate(_ bearer: Bearer) async throws(ControlPlaneError) -> Principal {
        let record = try await services.perform("authenticate") { try await services.store.apiKey(hash: bearer.hash) }
        guard let record, record.revokedAt == nil else {
            throw ControlPlaneError(
                .unauthenticated, "the API key is not known or was revoked; make one with 'callmeter keys create'")
        }
        return Principal(name: "key \(record.id)", role: record.role, project: record.project)
    }

    private static func makeKey() -> SecretBytes {
        let prefix = keyPrefix.utf8CodeUnitCount
        let alphabet: StaticString = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        return SecretBytes(count: prefix + keyLength) { bytes in
            bytes.copyMemory(from: UnsafeRawBufferPointer(start: keyPrefix.utf8Start, count: prefix))
            var random = SystemRandomNumberGenerator()
            for place in prefix..<bytes.count {
                bytes[place] = alphabet.utf8Start[Int.random(in: 0..<alphabet.utf8CodeUnitCount, using: &random)]
            }
        }
    }
}
