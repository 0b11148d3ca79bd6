// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Logging
import Store

/// Takes accounts back from runs that were not heard of for their term: a frozen worker, or another controller that died.
///
/// The database's clock decides; this only asks it, now and then.
actor LeaseKeeper {
    private let services: Services
    private let registry: RunRegistry
    private var task: Task<Void, Never>?

    init(services: Services, registry: RunRegistry) {
        self.services = services
        self.registry = registry
    }

    /// Looks at once, and then every third of a term until `end`.
    func begin() {
        guard task == nil else { return }
        let pause = services.leases.renewal.duration
        task = Task {
            while !Task.isCancelled {
                await self.sweep()
                try? await Task.sleep(for: pause)
            }
        }
    }

    /// Looks no more; returns when a look under way is done.
    func end() async {
        task?.cancel()
        await task?.value
        task = nil
    }

    /// Takes what is due; what cannot be done now is done the next time.
    func sweep() async {
        do {
            let who = Principal.controller.name
            for expired in try await services.store.expireLeases(grace: services.leases.grace, by: who) {
                let run = expired.fence.run
                services.logger.error(
                    "the leases of a run were over", metadata: ["run": "\(run)", "accounts": "\(expired.accounts)"])
                await registry.revoke(run)
                try await summarise(run)
            }
        } catch {
            services.logger.error("overdue leases were not taken back", metadata: ["cause": "\(error)"])
        }
    }

    private func summarise(_ id: RunID) async throws {
        guard let run = try await services.store.run(id) else { return }
        let summary = await Reconcile(services: services).summary(of: run, ExpiredLeases.text)
        if let summary { try await services.store.summarise(id, summary) }
    }
}
