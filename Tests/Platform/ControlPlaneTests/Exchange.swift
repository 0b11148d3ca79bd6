// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import PBX
import Runtime
import SIP
import Worker
import WorkerLink

/// The built-in server with accounts that the office has too, on a free port of loopback.
struct Exchange {
    let server: PBXServer
    let secrets: SecretArena

    init(
        accounts: Int, faults: [PBXFault] = [], algorithms: [DigestAlgorithm] = [DigestAlgorithm(.md5)]
    ) async throws {
        try await self.init(
            (1...accounts).map { PBXSubscriber(Office.username($0), Office.password($0)) }, faults: faults,
            algorithms: algorithms)
    }

    /// A server that knows exactly these.
    init(
        _ subscribers: [PBXSubscriber], faults: [PBXFault] = [],
        algorithms: [DigestAlgorithm] = [DigestAlgorithm(.md5)]
    ) async throws {
        let secrets = SecretArena()
        let list = subscribers.map { one in
            PBXAccount(
                username: Array(one.username.utf8), addressUser: one.address.map { Array($0.utf8) },
                credential: .password(Array(one.password.utf8).withUnsafeBytes { secrets.store($0) }))
        }
        var configuration = PBXConfiguration()
        configuration.faults = faults
        configuration.algorithms = algorithms
        self.secrets = secrets
        server = try await PBXServer(
            configuration: configuration, accounts: list, secrets: secrets,
            listen: TransportAddress(127, 0, 0, 1, port: 0))
    }
}

/// Whom the built-in server knows: username, password, and the user of the address where it differs.
struct PBXSubscriber {
    var username: String
    var password: String
    var address: String?

    init(_ username: String, _ password: String, address: String? = nil) {
        (self.username, self.password, self.address) = (username, password, address)
    }
}

/// A real worker in this process.
struct Crew {
    let link = InProcessLink()
    private let task: Task<Void, Never>

    init(for control: ControlPlane, logger: CollectedLog) async {
        let worker = Worker(configuration: Worker.Configuration(name: "embedded"), logger: logger.logger)
        let link = link
        task = Task { await worker.serve(link) }
        await control.attach(link)
    }

    func dismiss() async {
        link.close()
        await task.value
    }
}
