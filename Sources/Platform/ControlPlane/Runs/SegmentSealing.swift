// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Vault
import WorkerLink

/// Makes the assignment of a segment: each lent account's secret is opened and at once sealed to the worker's session key; where the
/// realm is fixed, its digest keys are, and the password stays here.
struct SegmentSealing: Sendable {
    let services: Services

    /// How many sealed passwords are read at once.
    private static let chunk = 1_000

    func assignment(for job: RunJob) async throws -> SegmentAssignment {
        let fence = job.fence.number
        var sealer = try SessionSealer(
            to: job.seat.hello.sessionKey,
            context: SegmentAssignment.sealingContext(run: job.run.id, fence: fence))
        let encapsulated = sealer.encapsulatedKey
        var endpoints: [AssignedEndpoint] = []
        endpoints.reserveCapacity(job.leases.count)
        let now = services.clock()
        let forge = services.digestKeys.map { DigestKeyForge(hash: $0) }
        for start in stride(from: 0, to: job.leases.count, by: Self.chunk) {
            let leases = job.leases[start..<min(start + Self.chunk, job.leases.count)]
            let (secrets, keys) = try await services.openable {
                try await services.store.secrets(
                    under: job.fence, endpoints: UInt32(leases.startIndex)..<UInt32(leases.endIndex))
            }
            guard secrets.count == leases.count else { throw StoreError.leaseLost(run: job.run.id.description) }
            for (lease, secret) in zip(leases, secrets) {
                guard let key = keys[secret.key] else { throw VaultError.wrongKey }
                var kind = CredentialKind.password
                let sealed = try key.open(secret, of: lease.account) { password in
                    guard let forge, let realm = lease.realm else {
                        return try sealer.seal(password, kind: .password, endpoint: lease.endpoint)
                    }
                    kind = .digestKeys
                    return try forge.withKeys(username: lease.username, realm: realm, password: password) { keys in
                        try sealer.seal(keys, kind: .digestKeys, endpoint: lease.endpoint)
                    }
                }
                let leftover = lease.leftover.flatMap { $0.expiresAt > now ? $0.contact : nil }
                endpoints.append(
                    AssignedEndpoint(
                        index: lease.endpoint, username: lease.username, extensionNumber: lease.extensionNumber,
                        realm: lease.realm, kind: kind, sealed: sealed, leftover: leftover))
            }
        }
        try await services.audit(
            .controller, "secrets.lend", "run \(job.run.id)",
            "\(endpoints.count) credentials sealed to worker \(job.seat.hello.name)")
        return SegmentAssignment(
            run: job.run.id, fence: fence, definition: job.definition, endpoints: endpoints,
            encapsulatedKey: encapsulated, leases: services.leases)
    }
}
