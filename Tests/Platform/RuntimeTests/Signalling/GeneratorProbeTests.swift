// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Foundation
import RunMetrics
import Synchronization
import Testing

@testable import Runtime

@Suite(.timeLimit(.minutes(2))) struct GeneratorProbeTests {
    private static func watch(
        until isEnough: @escaping @Sendable ([Window]) -> Bool,
        media: @escaping @Sendable () -> MediaFigures? = { nil }, last: MediaFigures? = nil
    ) async throws -> [Window] {
        let (seconds, given) = AsyncStream.makeStream(of: Window.self)
        let probe = try GeneratorProbe(start: SystemClock.now(), media: media, give: { given.yield($0) })
        var windows: [Window] = []
        for await window in seconds {
            windows.append(window)
            if isEnough(windows) { break }
        }
        // Stopping waits for the thread, which the threads of tasks must not.
        await withCheckedContinuation { done in
            Thread.detachNewThread {
                probe.stop(media: last)
                done.resume()
            }
        }
        given.finish()
        return windows
    }

    @Test func `each second tells how late its wake-ups were and what the process used`() async throws {
        let windows = try await Self.watch(until: { $0.count == 2 })
        #expect(windows[0].second < windows[1].second)
        for window in windows {
            let sample = try #require(window.generator)
            // Asked for every 20 ms: each one that was missed counts as well.
            #expect((sample.wakes?.count ?? 0) > 20)
            #expect(sample.capacityMicroseconds > 0)
            #expect(sample.processorMicroseconds <= sample.capacityMicroseconds * 2)
            #expect(sample.allTicks > 0)
        }
    }

    @Test func `the lateness of RTP is told by what came since the last second`() async throws {
        let figures = Mutex(MediaFigures())
        let windows = try await Self.watch(
            until: { $0.count == 3 },
            media: {
                figures.withLock { figures in
                    for _ in 0..<10 { figures.lateness.record(.milliseconds(3)) }
                    figures.packetsReceived += 7
                    return figures
                }
            })
        #expect(windows.map { $0.generator?.rtp?.count } == [10, 10, 10])
        #expect(windows.map { $0.generator?.packetsReceived } == [7, 7, 7])
    }
}
