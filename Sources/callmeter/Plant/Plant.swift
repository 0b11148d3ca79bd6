// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Glibc
import Logging
import Store
import Vault
import Worker
import WorkerLink

/// Everything in one process: control plane, store, vault, and one worker over an in-process link. The same path for `serve`, `demo`
/// and `run`.
struct Plant {
    let plane: ControlPlane
    private let worker: Task<Void, Never>

    /// Puts the parts together, takes up the data and waits for the worker's hello.
    static func start(store: any Store, vault: Vault, keyFolder: String? = nil) async throws -> Plant {
        let plane = ControlPlane(store: store, vault: vault, digestKeys: .libcrypto, keyFolder: keyFolder)
        try await plane.start()
        let cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let link = InProcessLink()
        let worker = Worker(
            configuration: Worker.Configuration(
                name: "embedded", loops: max(1, cores / 2), mediaThreads: max(1, cores / 2)))
        let task = Task { await worker.serve(link) }
        await plane.attach(link)
        return Plant(plane: plane, worker: task)
    }

    /// A plant that remembers nothing after its end.
    static func inMemory() async throws -> Plant {
        try await start(store: SQLiteStore.inMemory(hash: Fingerprint.sha256), vault: Vault(master: .ephemeral()))
    }

    /// Stops every run, ends the worker and closes the store.
    func shutdown() async {
        await plane.shutdown()
        await worker.value
    }
}
