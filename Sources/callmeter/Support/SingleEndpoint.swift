// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import Runtime
import SIP
import UserAgent

/// Plays one endpoint and tells every message as it passes.
struct SingleEndpoint {
    /// What it does once it is there.
    enum Errand {
        /// Registers, then leaves.
        case register
        /// Registers unless its plan says otherwise, calls this URI, then leaves.
        case call([UInt8])
    }

    /// What happens while it is played.
    private enum Happening: Sendable {
        case message(MessageNote)
        case event(AgentEvent)
    }

    let plan: EndpointPlan
    let security: SecurityProfile
    let secrets: SecretArena

    /// Plays it to its end, or until `patience` is over; then what it saw so far is its result.
    func play(
        _ errand: Errand, patience: Interval? = nil, step: (Step) -> Void = { _ in }
    ) async throws -> EndpointResult {
        let start = SystemClock.now()
        let (happenings, feed) = AsyncStream.makeStream(of: Happening.self)
        var configuration = SignallingEngine.Configuration(startInstant: start)
        configuration.security = [security]
        configuration.eventDelay = .zero
        let engine = try await SignallingEngine(
            configuration: configuration, secrets: secrets,
            sink: SignallingSink(
                events: { for event in $0 { feed.yield(.event(event)) } }, message: { feed.yield(.message($0)) }))
        var steps = Steps()
        var result: EndpointResult?
        do {
            try await engine.add([plan])
            engine.submit(begin(errand))
            if let patience { engine.submit([.finishAll(deadline: start + patience)]) }
            for await happening in happenings {
                switch happening {
                case .message(let note): step(steps.next(note))
                case .event(.closed(let closed)): result = closed
                case .event(let event): engine.submit(answer(to: event, errand))
                }
                if result != nil { break }
            }
        } catch {
            await engine.shutdown()
            throw CommandFailure(.unreachable, "\(error)")
        }
        await engine.shutdown()
        feed.finish()
        for await case .message(let note) in happenings { step(steps.next(note)) }
        guard let result else { throw CommandFailure(.unreachable, "the endpoint ended without a result") }
        return result
    }

    private func begin(_ errand: Errand) -> [AgentCommand] {
        let now = SystemClock.now()
        switch errand {
        case .call(let uri) where !plan.registers: return [.call(endpoint: 0, target: .uri(uri), at: now)]
        case .call, .register: return [.register(endpoint: 0, at: now)]
        }
    }

    private func answer(to event: AgentEvent, _ errand: Errand) -> [AgentCommand] {
        switch (event, errand) {
        case (.registered, .call(let uri)): [.call(endpoint: 0, target: .uri(uri), at: SystemClock.now())]
        case (.registered, .register), (.registrationFailed, _), (.callEnded, _): [.finish(endpoint: 0)]
        default: []
        }
    }
}

/// One message of an endpoint, as `register` and `call` show it.
struct Step: Encodable {
    /// Milliseconds since the first message.
    var ms: Double
    var sent: Bool
    var message: String
    var notes: [String]
}

/// Makes steps of messages, knowing which came before.
struct Steps {
    private var start: Instant?
    private var seen: Set<MessageNote.Identity> = []

    mutating func next(_ note: MessageNote) -> Step {
        let start = start ?? note.at
        self.start = start
        let isRepeat = !seen.insert(note.identity).inserted
        return Step(
            ms: (note.at - start).milliseconds, sent: note.isSent, message: note.title,
            notes: (isRepeat ? ["the same again"] : []) + note.remarks)
    }
}
