// SPDX-License-Identifier: Apache-2.0

import Domain
import RunMetrics

/// The seconds of one run as their parts come in from shards and workers: merged, handed on to be kept, and watched.
struct WindowLedger: Sendable {
    /// Seconds whose parts are merged here; a part that comes later is added to what is stored.
    private static let kept: UInt32 = 60
    /// A second is judged when one so many seconds later is known: parts of the same second come within a moment of each other.
    private static let settling: UInt32 = 2

    /// The conditions that may end the run, judged as the seconds settle.
    private(set) var watch: WindowReview
    private var recent: [UInt32: Window] = [:]
    private var unsaved: Set<UInt32> = []
    private var late: [Window] = []
    private var newest: UInt32 = 0
    private var nextToSettle: UInt32 = 0

    init(_ definition: TestDefinition) {
        watch = WindowReview(
            definition.thresholds.filter { $0.abortAfter != nil }, groups: definition.groups.count)
    }

    /// Takes a part of a second and gives the second as far as it is known; whether a new second began with it.
    mutating func add(_ part: Window) -> (window: Window, isNewSecond: Bool) {
        guard newest < Self.kept || part.second > newest - Self.kept else {
            late.append(part)
            return (part, false)
        }
        var merged = recent[part.second] ?? Window(second: part.second)
        merged.merge(part)
        recent[part.second] = merged
        unsaved.insert(part.second)
        guard part.second > newest else { return (merged, false) }
        newest = part.second
        settle()
        for second in recent.keys where newest - second >= Self.kept && !unsaved.contains(second) {
            recent[second] = nil
        }
        return (merged, true)
    }

    private mutating func settle() {
        guard newest >= Self.settling else { return }
        // What lies further back than is kept has nothing to be judged by.
        let first = max(nextToSettle, newest < Self.kept ? 0 : newest - Self.kept)
        for second in first...max(first, newest - Self.settling) where second <= newest - Self.settling {
            if let window = recent[second] { watch.add(window) }
            nextToSettle = second + 1
        }
    }

    /// What is to be kept now: seconds that are over, or all of them at the end, and parts that came late.
    mutating func takeUnsaved(all: Bool) -> (windows: [Window], late: [Window]) {
        let seconds = unsaved.filter { all || $0 < newest }.sorted()
        unsaved.subtract(seconds)
        defer { late = [] }
        return (seconds.compactMap { recent[$0] }, late)
    }

    /// Takes back what could not be kept, for the next time.
    mutating func putBack(_ windows: [Window], _ late: [Window]) {
        for window in windows where recent[window.second] != nil { unsaved.insert(window.second) }
        self.late += late
    }
}
