// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Glibc
import Logging
import Reports
import RunMetrics
import Runtime
import Store
import Vault
import Worker
import WorkerLink

/// Everything in one process: control plane, store, vault, and one worker over an in-process link. The same path for `serve`, `demo`
/// and `run`.
struct Plant {
    let plane: ControlPlane
    private let worker: Task<Void, Never>
    /// What sends the traced messages to a Homer server.
    private let hep: DatagramSender?

    /// Puts the parts together, takes up the data and waits for the worker's hello.
    ///
    /// - Parameter homer: where traced messages go as HEP3.
    static func start(
        store: any Store, vault: Vault, keyFolder: String? = nil, homer: TransportAddress? = nil
    ) async throws -> Plant {
        let hep = try homer.map { try DatagramSender(to: $0) }
        let plane = ControlPlane(
            store: store, vault: vault, digestKeys: .libcrypto, keyFolder: keyFolder,
            traceSink: hep.map { sender in
                let encoder = HEP3()
                return { traces in for trace in traces { sender.send(encoder.packets(of: trace)) } }
            }, inspection: { await Preflight.problems(of: $0) })
        try await plane.start()
        let cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let link = InProcessLink()
        let worker = Worker(
            configuration: Worker.Configuration(
                name: "embedded", loops: max(1, cores / 2), mediaThreads: max(1, cores / 2)))
        let task = Task { await worker.serve(link) }
        await plane.attach(link)
        return Plant(plane: plane, worker: task, hep: hep)
    }

    /// A plant that remembers nothing after its end.
    static func inMemory(homer: TransportAddress? = nil) async throws -> Plant {
        try await start(
            store: SQLiteStore.inMemory(hash: Fingerprint.sha256), vault: Vault(master: .ephemeral()), homer: homer)
    }

    /// Stops every run, ends the worker and closes the store.
    func shutdown() async {
        await plane.shutdown()
        await worker.value
        let dropped = await hep?.close() ?? 0
        if dropped > 0 { Output.error("callmeter: \(dropped) messages found no room on their way to the HEP server") }
    }
}
