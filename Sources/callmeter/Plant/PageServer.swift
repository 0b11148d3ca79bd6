// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import Logging
import Runtime
import Web

/// The HTTP side of a plant, until it is told to end.
struct PageServer {
    let plane: ControlPlane
    let web: WebServer

    init(plane: ControlPlane, secureCookies: Bool) {
        self.plane = plane
        web = WebServer(
            plane: plane, secureCookies: secureCookies, logger: Logger(label: "callmeter.web"),
            now: { SystemClock.now().nanoseconds / 1_000_000_000 })
    }

    /// A token for a link that opens one session of an admin, once.
    func link() -> String { web.sessions.makeLink(for: Principal(name: "set-up link", role: .admin)) }

    /// Listens until an interrupt comes; `started` hears the port once it listens.
    func run(
        host: String, port: Int, until interrupts: AsyncStream<Void>,
        started: @escaping @Sendable (Int, PageServer) async -> Void
    ) async throws {
        try await withThrowingTaskGroup { tasks in
            tasks.addTask {
                do {
                    try await web.run(host: host, port: port) { port in await started(port, self) }
                } catch is CancellationError {
                    return
                } catch {
                    throw CommandFailure.usage("\(host):\(port) cannot be listened on: \(error)")
                }
            }
            tasks.addTask {
                for await _ in interrupts { break }
            }
            try await tasks.next()
            tasks.cancelAll()
        }
    }
}
