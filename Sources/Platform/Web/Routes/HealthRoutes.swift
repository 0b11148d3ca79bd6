// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import HTTPTypes
import Hummingbird
import Synchronization

/// `/healthz`, `/readyz`, `/metrics`: for supervisors and Prometheus, without a key; nothing secret is in them.
struct HealthRoutes {
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
            Answer.text(counters.text(openStreams: live.count), type: "text/plain; version=0.0.4; charset=utf-8")
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

    /// The Prometheus text format, version 0.0.4.
    func text(openStreams: Int) -> String {
        let counts = counts.withLock { $0 }
        var text = "# HELP callmeter_http_responses_total Answers of the HTTP server by class of status.\n"
        text += "# TYPE callmeter_http_responses_total counter\n"
        for hundred in 2...5 { text += "callmeter_http_responses_total{class=\"\(hundred)xx\"} \(counts[hundred])\n" }
        text += "# HELP callmeter_event_streams Open streams of run events.\n"
        text += "# TYPE callmeter_event_streams gauge\ncallmeter_event_streams \(openStreams)\n"
        text += "# HELP callmeter_ready Whether the server has taken up its data.\n"
        text += "# TYPE callmeter_ready gauge\ncallmeter_ready \(isReady ? 1 : 0)\n"
        return text
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
