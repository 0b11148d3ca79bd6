// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import Synchronization
import UserAgent

/// Keeps a number of operations in flight on a signalling engine until a count is reached, and measures.
///
/// Fed by the engine's sink on its event loop; what it starts next goes back to that loop in one batch.
final class BenchDriver: Sendable {
    /// Makes the command for the operation with this number, which this endpoint plays.
    typealias Start = @Sendable (_ operation: Int, _ endpoint: UInt32, _ begin: Instant, _ now: Instant) -> AgentCommand

    private struct State {
        var engine: SignallingEngine?
        var started = 0
        var finished = 0
        var failures = 0
        var latency = Histogram()
        var retransmissions: UInt64 = 0
        var begin = Instant.zero
        var cpuAtBegin = Interval.zero
        /// By endpoint.
        var startedAt: [Instant?] = []
        /// Endpoints in the order in which they came free; those before `next` are taken.
        var free: [UInt32] = []
        var next = 0
        var result: BenchResult?
        var waiter: CheckedContinuation<BenchResult, Never>?
    }

    private let count: Int
    private let endpoints: Int
    private let window: Int
    private let start: Start
    private let state = Mutex(State())

    /// - Parameters:
    ///   - count: operations in all.
    ///   - endpoints: how many play them, each one at a time; at least `count`, or such as `released` gives back.
    ///   - window: how many operations at a time.
    init(count: Int, endpoints: Int, window: Int, start: @escaping Start) {
        self.count = count
        self.endpoints = endpoints
        self.window = max(1, min(window, count, endpoints))
        self.start = start
    }

    /// What the engine must be made with.
    func sink(_ handle: @escaping @Sendable (AgentEvent, BenchDriver) -> Void) -> SignallingSink {
        SignallingSink(
            events: { [self] events in
                for event in events { handle(event, self) }
                startNext()
            },
            window: { [self] window in state.withLock { $0.retransmissions += UInt64(window.retransmissions) } })
    }

    /// Starts the first operations; the result comes when all have ended.
    func run(on engine: SignallingEngine) async -> BenchResult {
        state.withLock { state in
            state.engine = engine
            state.begin = SystemClock.now()
            state.startedAt = Array(repeating: nil, count: endpoints)
            state.free = Array(0..<UInt32(endpoints))
            state.cpuAtBegin = ProcessTime.used()
        }
        startNext()
        let result = await withCheckedContinuation { continuation in
            let done = state.withLock { state -> BenchResult? in
                if state.result == nil { state.waiter = continuation }
                return state.result
            }
            if let done { continuation.resume(returning: done) }
        }
        state.withLock { $0.engine = nil }
        return result
    }

    /// The same, then the engine's end; with what the system dropped, which is known only then.
    func finish(on engine: SignallingEngine) async -> BenchResult {
        var result = await run(on: engine)
        await engine.shutdown()
        result.droppedDatagrams = engine.droppedDatagrams
        return result
    }

    /// The operation of an endpoint came to its answer: the moment that latency ends.
    func answered(_ endpoint: UInt32, at moment: Instant) {
        state.withLock { state in
            guard let began = state.startedAt[Int(endpoint)].take() else { return }
            state.latency.record(moment - began)
        }
    }

    /// An endpoint can play another operation.
    func released(_ endpoint: UInt32) { state.withLock { $0.free.append(endpoint) } }

    /// An operation has ended.
    func finished(succeeded: Bool) {
        let (waiter, result) = state.withLock { state -> (CheckedContinuation<BenchResult, Never>?, BenchResult?) in
            guard state.result == nil else { return (nil, nil) }
            state.finished += 1
            if !succeeded { state.failures += 1 }
            if state.finished == 1, count > 1 {
                // The first operation goes alone and unmeasured: what a process does once only is not part of the others.
                state.begin = SystemClock.now()
                state.cpuAtBegin = ProcessTime.used()
            }
            guard state.finished == count else { return (nil, nil) }
            let result = BenchResult(
                operations: state.finished, failures: state.failures, cpu: ProcessTime.used() - state.cpuAtBegin,
                wall: SystemClock.now() - state.begin, latency: state.latency, retransmissions: state.retransmissions)
            state.result = result
            return (state.waiter.take(), result)
        }
        if let waiter, let result { waiter.resume(returning: result) }
    }

    private func startNext() {
        let now = SystemClock.now()
        let (engine, commands) = state.withLock { state -> (SignallingEngine?, [AgentCommand]) in
            var commands: [AgentCommand] = []
            let window = state.finished == 0 ? 1 : window
            while state.started < count, state.started - state.finished < window, state.next < state.free.count {
                let command = start(state.started, state.free[state.next], state.begin, now)
                if let (endpoint, at) = command.beginning { state.startedAt[Int(endpoint)] = at }
                commands.append(command)
                state.started += 1
                state.next += 1
            }
            return (state.engine, commands)
        }
        if !commands.isEmpty { engine?.submit(commands) }
    }
}

extension AgentCommand {
    /// Which endpoint begins an operation, and when.
    fileprivate var beginning: (UInt32, Instant)? {
        switch self {
        case .register(let endpoint, let at), .call(let endpoint, _, let at): (endpoint, at)
        default: nil
        }
    }
}
