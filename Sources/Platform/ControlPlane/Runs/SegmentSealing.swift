// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Store
import Vault
import WorkerLink

/// Makes the assignment of a segment: each lent account's secret is opened and at once sealed to the worker's session key.
struct SegmentSealing: Sendable {
    let services: Services

    func assignment(for job: RunJob) async throws -> SegmentAssignment {
        let keys = try await services.dataKeys(of: job.leases)
        let fence = job.leases.first?.fence ?? 0
        var sealer = try SessionSealer(
            to: job.seat.hello.sessionKey,
            context: SegmentAssignment.sealingContext(run: job.run.id, fence: fence))
        let encapsulated = sealer.encapsulatedKey
        var endpoints: [AssignedEndpoint] = []
        endpoints.reserveCapacity(job.leases.count)
        let now = services.clock()
        for lease in job.leases {
            guard let key = keys[lease.secret.key] else { throw VaultError.wrongKey }
            let sealed = try key.open(lease.secret, of: lease.account) { password in
                try sealer.seal(password, kind: .password, endpoint: lease.endpoint)
            }
            let leftover = lease.leftover.flatMap { $0.expiresAt > now ? $0.contact : nil }
            endpoints.append(
                AssignedEndpoint(
                    index: lease.endpoint, username: lease.username, extensionNumber: lease.extensionNumber,
                    realm: lease.realm, kind: .password, sealed: sealed, leftover: leftover))
        }
        try await services.audit(
            .controller, "secrets.lend", "run \(job.run.id)",
            "\(endpoints.count) credentials sealed to worker \(job.seat.hello.name)")
        return SegmentAssignment(
            run: job.run.id, fence: fence, definition: job.definition, endpoints: endpoints,
            encapsulatedKey: encapsulated)
    }
}
