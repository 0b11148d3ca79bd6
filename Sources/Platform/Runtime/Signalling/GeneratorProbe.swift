// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import Glibc
import RunMetrics
import Synchronization

/// Watches this machine while a run goes: how late a waiting thread is woken, how late RTP leaves, the processor, the host.
///
/// One thread that sleeps in the kernel until fixed moments; once a second it gives out what it saw. It shares nothing with the
/// threads it watches but the figures that the media threads publish.
final class GeneratorProbe: Sendable {
    /// How often it asks to be woken: one packet of audio. Fifty wake-ups a second cost less than a thousandth of a core.
    private static let beat = Interval.milliseconds(20)
    /// After a stall each beat that was missed counts, up to this long; a machine that slept is not asked for days of them.
    private static let longestStall = Interval.seconds(60)

    private let epoll: Int32
    private let wake: Int32
    private let isStopping = Atomic(false)
    private let last = Mutex<MediaFigures?>(nil)
    private let thread = Mutex<OwnThread?>(nil)

    /// Starts to watch.
    /// - Parameters:
    ///   - start: the origin of the run's seconds.
    ///   - media: the media threads' figures so far; nil when there are none.
    ///   - give: takes each second's window, on the probe's thread.
    /// - Throws: `SystemFailure` when the system has no thread or descriptor left.
    init(
        start: Instant, media: @escaping @Sendable () -> MediaFigures?, give: @escaping @Sendable (Window) -> Void
    ) throws(SystemFailure) {
        epoll = callmeter_epoll_create()
        wake = callmeter_wake_create()
        guard epoll >= 0, wake >= 0, callmeter_epoll_add(epoll, wake, 0) == 0 else {
            for descriptor in [epoll, wake] where descriptor >= 0 { callmeter_close(descriptor) }
            throw SystemFailure(code: EMFILE, action: "watch this machine")
        }
        let started = OwnThread.start(name: "health") { [self] in run(start: start, media: media, give: give) }
        guard let started else { throw SystemFailure(code: EAGAIN, action: "start a thread that watches this machine") }
        thread.withLock { $0 = started }
    }

    deinit {
        callmeter_close(wake)
        callmeter_close(epoll)
    }

    /// Ends it; what it saw last is given out before. Waits for the thread, so never on a thread of Swift's tasks.
    /// - Parameter media: the media threads' figures at their end.
    func stop(media: MediaFigures?) {
        last.withLock { $0 = media }
        isStopping.store(true, ordering: .releasing)
        callmeter_wake_signal(wake)
        thread.withLock { thread in
            let running = thread
            thread = nil
            return running
        }?.join()
    }

    private func run(
        start: Instant, media: @Sendable () -> MediaFigures?, give: @Sendable (Window) -> Void
    ) {
        var meter = ProbeMeter(now: SystemClock.now())
        var due = SystemClock.now() + Self.beat
        var second = Self.second(SystemClock.now(), since: start)
        var event = callmeter_event()
        while !isStopping.load(ordering: .acquiring) {
            let rest = max(0, (due - SystemClock.now()).nanoseconds)
            _ = callmeter_epoll_wait(epoll, &event, 1, rest)
            let now = SystemClock.now()
            if now - due > Self.longestStall { due = now - Self.longestStall }
            while due <= now {
                meter.wakes.record(now - due)
                due = due + Self.beat
            }
            let present = Self.second(now, since: start)
            guard present > second else { continue }
            give(meter.take(second: second, media: media(), now: now))
            second = present
        }
        give(meter.take(second: second, media: last.withLock { $0 }, now: SystemClock.now()))
    }

    private static func second(_ now: Instant, since start: Instant) -> UInt32 {
        UInt32(clamping: (now - start).nanoseconds / 1_000_000_000)
    }
}

/// What the probe counts between two windows.
private struct ProbeMeter {
    var wakes = Histogram()
    private var media = MediaFigures()
    private var since: Instant
    private var processor = callmeter_processor_time()
    private var machine = Self.machineTime()

    init(now: Instant) { since = now }

    mutating func take(second: UInt32, media figures: MediaFigures?, now: Instant) -> Window {
        var sample = GeneratorSample()
        if wakes.count > 0 { sample.wakes = wakes }
        wakes = Histogram()
        takeMedia(figures, into: &sample)
        let processorNow = callmeter_processor_time()
        sample.processorMicroseconds = processorNow - min(processorNow, processor)
        sample.capacityMicroseconds =
            UInt64(clamping: (now - since).nanoseconds / 1_000) * UInt64(clamping: callmeter_cores())
        let machineNow = Self.machineTime()
        sample.allTicks = machineNow.all - min(machineNow.all, machine.all)
        sample.stolenTicks = machineNow.stolen - min(machineNow.stolen, machine.stolen)
        (processor, machine, since) = (processorNow, machineNow, now)
        var window = Window(second: second)
        window.generator = sample
        return window
    }

    private mutating func takeMedia(_ figures: MediaFigures?, into sample: inout GeneratorSample) {
        guard let figures else { return }
        let lateness = figures.lateness.since(media.lateness)
        if lateness.count > 0 { sample.rtp = lateness }
        sample.packetsReceived = figures.packetsReceived - min(figures.packetsReceived, media.packetsReceived)
        media = figures
    }

    private static func machineTime() -> (all: UInt64, stolen: UInt64) {
        var all: UInt64 = 0
        var stolen: UInt64 = 0
        callmeter_machine_time(&all, &stolen)
        return (all, stolen)
    }
}
