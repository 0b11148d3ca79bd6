// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import HTTPTypes
import Hummingbird
import Reports
import Synchronization

/// `/healthz`, `/readyz`, `/metrics`: for supervisors and Prometheus, without a key; nothing secret is in them.
struct HealthRoutes {
    let plane: ControlPlane
    let counters: RequestCounters
    let live: LiveStreams

    func add(to router: Router<CallContext>) {
        router.get("healthz") { _, _ in Answer.text("ok\n", type: "text/plain; charset=utf-8") }
        router.get("readyz") { _, _ in
            counters.isReady
                ? Answer.text("ready\n", type: "text/plain; charset=utf-8")
                : Answer.text("starting\n", type: "text/plain; charset=utf-8", status: .serviceUnavailable)
        }
        router.get("metrics") { _, _ in
            var metrics = counters.metrics(openStreams: live.count)
            metrics.add(try await plane.runs.monitored())
            return Answer.text(metrics.text, type: "text/plain; version=0.0.4; charset=utf-8")
        }
    }
}

/// Counts answers by class of status, for `/metrics`.
public final class RequestCounters: Sendable {
    private let counts = Mutex([Int](repeating: 0, count: 6))
    private let ready = Atomic(false)

    /// Nothing counted, not ready.
    public init() {}

    /// Whether the control plane has taken up its data.
    public var isReady: Bool { ready.load(ordering: .relaxed) }

    /// Says that the control plane has taken up its data.
    public func markReady() { ready.store(true, ordering: .relaxed) }

    func count(_ status: HTTPResponse.Status) {
        counts.withLock { $0[min(max(status.code / 100, 0), 5)] += 1 }
    }

    /// What is counted here.
    func metrics(openStreams: Int) -> PrometheusText {
        let counts = counts.withLock { $0 }
        var metrics = PrometheusText()
        metrics.add(
            "callmeter_http_responses_total", .counter, "Answers of the HTTP server by class of status.",
            (2...5).map { .init([("class", "\($0)xx")], Double(counts[$0])) })
        metrics.add("callmeter_event_streams", .gauge, "Open streams of run events.", [.init([], Double(openStreams))])
        metrics.add(
            "callmeter_ready", .gauge, "Whether the server has taken up its data.", [.init([], isReady ? 1 : 0)])
        return metrics
    }
}

/// Counts each answer, those to refused requests as well.
struct CountAnswers: RouterMiddleware {
    typealias Context = CallContext

    let counters: RequestCounters

    func handle(
        _ request: Request, context: CallContext, next: @concurrent (Request, CallContext) async throws -> Response
    ) async throws -> Response {
        let response = try await next(request, context)
        counters.count(response.status)
        return response
    }
}
