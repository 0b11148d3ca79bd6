// SPDX-License-Identifier: Apache-2.0

import Bedrock
import PBX
import RunMetrics
import SIP
import Testing
import UserAgent

/// Fifty endpoints against the built-in server in virtual time, phased as a run is: register, call, leave.
final class PlayedRun {
    /// What the endpoints do once they have registered.
    enum Course {
        /// The first half calls the second half, so many times, with a pause between.
        case calls(times: Int = 1, pause: Interval = .seconds(1))
        /// All stay registered for so long, asking for this expiry.
        case hold(Interval, expires: UInt32)
        /// The first half calls the extension echo.
        case echo
    }

    static let size = 50

    let world: ServerWorld
    private let course: Course
    private let registrationsPerSecond: Double
    /// Told between the steps; the place to break something.
    var afterRegistration: (ServerWorld) -> Void = { _ in }

    init(
        faults: [String], course: Course = .calls(), registrationsPerSecond: Double = 25,
        change: (inout EndpointPlan) -> Void = { _ in }
    ) throws {
        self.course = course
        self.registrationsPerSecond = registrationsPerSecond
        let users = (0..<Self.size).map(Self.name)
        world = try ServerWorld(faults, users: users) {
            $0.expires = 5...7200
        }
        world.keepsMessages = false
        for place in 0..<Self.size {
            world.add(UInt32(place), users[place]) { plan in
                if case .hold(_, let expires) = course { plan.expires = expires }
                change(&plan)
            }
        }
    }

    static func name(_ place: Int) -> String { "u\(place)" }

    /// Plays it and gives the results in order, each linked to its partner.
    func results() -> [EndpointResult] {
        register()
        afterRegistration(world)
        switch course {
        case .calls(let times, let pause):
            abandonPartners()
            for _ in 0..<times {
                callPartners { "sip:\(Self.name($0 + Self.size / 2))@example.org" }
                world.pass(pause)
            }
        case .hold(let time, _): world.pass(time)
        case .echo: callPartners { _ in "sip:echo@example.org" }
        }
        for place in 0..<Self.size { world.perform(.finish(endpoint: UInt32(place))) }
        pass(atMost: .seconds(120)) { closed().count == Self.size }
        return closed().map { result in
            var result = result
            if case .calls = course, result.partner == nil { result.partner = Self.partner(of: result.index) }
            return result
        }.sorted { $0.index < $1.index }
    }

    private static func partner(of index: UInt32) -> UInt32 {
        let half = UInt32(size / 2)
        return index < half ? index + half : index - half
    }

    private func register() {
        for place in 0..<Self.size {
            let at = world.now + .seconds(Double(place) / registrationsPerSecond)
            world.perform(.register(endpoint: UInt32(place), at: at))
        }
        pass(atMost: .seconds(100)) { registered.count + failed.count >= Self.size }
    }

    private func abandonPartners() {
        for index in failed {
            let partner = Self.partner(of: index)
            if !failed.contains(partner) { world.perform(.abandon(endpoint: partner, partner: index)) }
        }
    }

    private func callPartners(_ target: (Int) -> String) {
        let before = ended
        var begun = 0
        for place in 0..<Self.size / 2 {
            let index = UInt32(place)
            guard registered.contains(index), !gone.contains(index) else { continue }
            let at = world.now + .seconds(Double(begun) / 20)
            world.perform(.call(endpoint: index, target: .uri(Array(target(place).utf8)), at: at))
            begun += 1
        }
        pass(atMost: .seconds(200)) { ended - before >= begun }
    }

    private func pass(atMost limit: Interval, until condition: () -> Bool) {
        let end = world.now + limit
        while world.now < end, !condition() { world.pass(.milliseconds(250)) }
    }

    // MARK: What happened

    private var registered: Set<UInt32> {
        Set(world.events.compactMap { if case .registered(let endpoint, _) = $0 { endpoint } else { nil } })
    }

    private var failed: Set<UInt32> {
        Set(world.events.compactMap { if case .registrationFailed(let endpoint, _) = $0 { endpoint } else { nil } })
    }

    private var gone: Set<UInt32> { failed.union(failed.map(Self.partner)) }

    /// Calls that ended at their callers.
    private var ended: Int {
        world.events.count {
            if case .callEnded(let endpoint, _) = $0 { endpoint < UInt32(Self.size / 2) } else { false }
        }
    }

    private func closed() -> [EndpointResult] {
        world.events.compactMap { if case .closed(let result) = $0 { result } else { nil } }
    }
}
