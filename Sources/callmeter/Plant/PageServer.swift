// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import Logging
import Runtime
import ServiceLifecycle
import Web

/// The HTTP side of a plant, until it is told to end.
struct PageServer {
    let plane: ControlPlane
    let web: WebServer
    private let logger = Logger(label: "callmeter.web")

    init(plane: ControlPlane, secureCookies: Bool) {
        self.plane = plane
        web = WebServer(
            plane: plane, secureCookies: secureCookies, logger: logger,
            now: { SystemClock.now().nanoseconds / 1_000_000_000 })
    }

    /// A token for a link that opens one session of an admin, once.
    func link() -> String { web.sessions.makeLink(for: Principal(name: "set-up link", role: .admin)).text }

    /// Listens until an interrupt comes; `started` hears the port once it listens.
    func run(
        host: String, port: Int, until interrupts: AsyncStream<Void>,
        started: @escaping @Sendable (Int, PageServer) async -> Void
    ) async throws {
        let application = try web.application(host: host, port: port) { port in await started(port, self) }
        var configuration = ServiceGroupConfiguration(services: [application], logger: logger)
        // A reader of events may stay for ever; others are done in a moment.
        configuration.maximumGracefulShutdownDuration = .seconds(1)
        let group = ServiceGroup(configuration: configuration)
        let watcher = Task {
            for await _ in interrupts { break }
            await group.triggerGracefulShutdown()
        }
        defer { watcher.cancel() }
        do {
            try await group.run()
        } catch is CancellationError {
            return
        } catch {
            throw CommandFailure.usage("\(host):\(port) cannot be listened on: \(error)")
        }
    }
}
