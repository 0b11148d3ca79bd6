// SPDX-License-Identifier: Apache-2.0

public import ControlPlane
import HTTPTypes
public import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore

/// CallMeter's HTTP side: the API, live events and the page, over a control plane. It has no rules of its own.
public struct WebServer: Sendable {
    /// Sessions and one-time links.
    public let sessions: SessionBook
    /// Request counters and readiness.
    public let counters: RequestCounters
    private let plane: ControlPlane
    private let secureCookies: Bool
    private let logger: Logger

    /// A server over a control plane.
    ///
    /// `secureCookies` is for servers that browsers reach by TLS only. `now` gives seconds on a clock that does not go back.
    public init(plane: ControlPlane, secureCookies: Bool, logger: Logger, now: @escaping @Sendable () -> Int64) {
        self.plane = plane
        self.secureCookies = secureCookies
        self.logger = logger
        sessions = SessionBook(now: now)
        counters = RequestCounters()
    }

    /// The application; `onRunning` hears the port once it listens (port 0 takes a free one).
    public func application(
        host: String, port: Int, onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) throws -> some ApplicationProtocol {
        Application(
            router: try router(), server: HTTPServerBuilder { WipedChannel(responder: $0) },
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "callmeter"),
            onServerRunning: { [counters] channel in
                counters.markReady()
                await onRunning(channel.localAddress?.port ?? port)
            }, logger: logger)
    }

    /// All routes.
    public func router() throws -> Router<CallContext> {
        let router = Router(context: CallContext.self)
        let live = LiveStreams(plane: plane)
        router.add(middleware: CountAnswers(counters: counters))
        router.add(middleware: ErrorAnswer())
        HealthRoutes(plane: plane, counters: counters, live: live).add(to: router)
        let authentication = Authentication(plane: plane, sessions: sessions)
        try PageRoutes(plane: plane, sessions: sessions, authentication: authentication, secureCookies: secureCookies)
            .add(to: router)
        let api = router.group("api/v1").add(middleware: authentication).add(middleware: RequireCaller())
        ProjectRoutes(plane: plane).add(to: api)
        RegistrarRoutes(plane: plane).add(to: api)
        AccountRoutes(plane: plane).add(to: api)
        TestRoutes(plane: plane).add(to: api)
        VaultRoutes(plane: plane).add(to: api)
        RunRoutes(plane: plane, live: live).add(to: api)
        WindowRoutes(plane: plane).add(to: api)
        TraceRoutes(plane: plane).add(to: api)
        return router
    }
}
