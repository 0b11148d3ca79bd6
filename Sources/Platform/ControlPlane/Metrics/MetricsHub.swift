// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics

/// Who watches which run. Events go into a ring per run and to each subscriber's own bounded queue: a slow subscriber loses what
/// lies between, never the last event, and holds up nobody.
actor MetricsHub {
    /// Events kept per run for readers that come late or come back: an hour of windows and progress.
    static let ringLength = 7_200
    /// Waiting events of one subscriber.
    static let queueLength = 256
    /// Subscribers of one run; more browsers than this do not watch one run.
    static let mostSubscribers = 256
    /// Runs whose ring is kept after their end.
    static let keptRuns = 32

    private struct Channel {
        var nextID: UInt64 = 1
        var ring: [RunEvent] = []
        var subscribers: [UInt64: AsyncStream<RunEvent>.Continuation] = [:]
        var isOver = false
    }

    private var channels: [RunID: Channel] = [:]
    private var ended: [RunID] = []
    private var nextSubscriber: UInt64 = 0

    /// Makes room for a run's events.
    func open(_ run: RunID) {
        if channels[run] == nil { channels[run] = Channel() }
    }

    /// Tells the run's subscribers.
    func publish(_ kind: RunEvent.Kind, of run: RunID) {
        guard var channel = channels[run], !channel.isOver else { return }
        let event = RunEvent(id: channel.nextID, kind: kind)
        channel.nextID += 1
        if channel.ring.count >= Self.ringLength { channel.ring.removeFirst(Self.ringLength / 8) }
        channel.ring.append(event)
        for subscriber in channel.subscribers.values {
            subscriber.yield(event)
            if event.isLast { subscriber.finish() }
        }
        if event.isLast {
            channel.isOver = true
            channel.subscribers = [:]
            ended.append(run)
        }
        channels[run] = channel
        if ended.count > Self.keptRuns { channels[ended.removeFirst()] = nil }
    }

    /// The events of a run after the one with this number, then those to come; nil when the run is not known here (any more)
    /// or has too many subscribers.
    func subscribe(_ run: RunID, after last: UInt64) -> AsyncStream<RunEvent>? {
        guard let channel = channels[run], channel.subscribers.count < Self.mostSubscribers else { return nil }
        let (stream, continuation) = AsyncStream.makeStream(
            of: RunEvent.self, bufferingPolicy: .bufferingNewest(Self.queueLength))
        for event in channel.ring where event.id > last { continuation.yield(event) }
        guard !channel.isOver else {
            continuation.finish()
            return stream
        }
        let number = nextSubscriber
        nextSubscriber += 1
        channels[run]?.subscribers[number] = continuation
        continuation.onTermination = { _ in Task { await self.unsubscribe(number, from: run) } }
        return stream
    }

    /// The runs that are known here with what was last told of each.
    func standing() -> [RunID: RunProgress] {
        channels.compactMapValues { channel in
            for event in channel.ring.reversed() {
                if case .progress(let progress) = event.kind { return progress }
            }
            return nil
        }
    }

    private func unsubscribe(_ number: UInt64, from run: RunID) {
        channels[run]?.subscribers[number] = nil
    }
}
