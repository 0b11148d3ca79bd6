// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import UserAgent

/// Leads the pairs: both register, one calls, both finish when the calls are over.
extension Simulation {
    /// How far a pair has come.
    struct Pair {
        var registered = 0
        var callsLeft = -1
        var isEnding = false
        /// The present call of each side, as far as its events tell.
        var calleeIsBusy = false
        var callerIsBusy = false
        var finished: (callee: Bool, caller: Bool) = (false, false)
    }

    /// How long the other side of an ended call may take to notice before it is told to finish: longer than 64 times T1.
    private static var patience: Interval { .seconds(40) }

    /// How long a call may take at most: ringing, talking, and every request of its end tried as long as it may be.
    private var longestCall: Interval { plan.talkTime + plan.answerAfter + .seconds(600) }

    func conduct(_ event: AgentEvent) {
        switch event {
        case .registered(let endpoint, _): registered(Int(endpoint))
        case .registrationFailed(let endpoint, _):
            report.registrationsFailed += 1
            if plan.isCalm { violate("endpoint \(endpoint) did not register", about: Int(endpoint)) }
            let (number, _) = pair(of: Int(endpoint))
            endPair(number, calleeWaits: false)
        case .ringing(let endpoint):
            let (number, isCaller) = pair(of: Int(endpoint))
            if isCaller { pairs[number].callerIsBusy = true } else { pairs[number].calleeIsBusy = true }
        case .established(let endpoint): changeCall(Int(endpoint))
        case .callEnded(let endpoint, let succeeded): callEnded(Int(endpoint), succeeded)
        case .closed(let result): closed(result)
        default: break
        }
    }

    private func registered(_ endpoint: Int) {
        report.registered += 1
        if plan.callsPerPair == 0 {
            _ = queue.schedule(.finish(endpoint: UInt32(endpoint)), at: now + plan.hold)
            return
        }
        let (number, _) = pair(of: endpoint)
        pairs[number].registered += 1
        if pairs[number].registered == 2 {
            pairs[number].callsLeft = plan.callsPerPair
            startCall(number)
        }
    }

    private func startCall(_ number: Int) {
        guard !pairs[number].isEnding, pairs[number].callsLeft > 0 else { return endPair(number, calleeWaits: true) }
        pairs[number].callsLeft -= 1
        let caller = number + pairs.count
        let planned = Instant.zero + Interval(nanoseconds: 1_000_000_000 / Int64(plan.callsPerSecond)) * number
        let target = Array("sip:\(callee(of: number))@".utf8) + Self.realm
        let start = max(now, planned)
        let command = AgentCommand.call(endpoint: UInt32(caller), target: .uri(target), at: start)
        _ = queue.schedule(.command(command), at: now)
        let late = Event.callIsLate(
            pair: number, callsLeft: pairs[number].callsLeft, wasBusy: pairs[number].callerIsBusy, warned: false)
        _ = queue.schedule(late, at: start + longestCall)
        for case .impatience(let share) in plan.troubles where troubleRandom.chance(share) {
            let patience = Interval(nanoseconds: Int64(3_000_000_000 * troubleRandom.unit()))
            let victim = UInt32(troubleRandom.chance(0.7) ? caller : number)
            _ = queue.schedule(.command(.hangUp(endpoint: victim)), at: start + patience)
        }
    }

    /// Whom a caller calls: its partner, or now and then an extension, a stranger or somebody else's partner.
    private func callee(of number: Int) -> String {
        guard plan.variesTargets, troubleRandom.chance(0.25) else { return "user\(number)" }
        switch troubleRandom.next() % 8 {
        case 0, 1: return "echo"
        case 2: return "tone"
        case 3: return "busy"
        case 4: return "noanswer"
        case 5: return "nobody"
        default: return "user\(troubleRandom.next() % UInt64(plan.endpoints))"
        }
    }

    /// What an endpoint is told to do with its call that is up: some at once, so that both sides meet in the middle.
    private func changeCall(_ endpoint: Int) {
        guard plan.changesPerCall > 0 else { return }
        let index = UInt32(endpoint)
        for _ in 0..<(troubleRandom.next() % UInt64(plan.changesPerCall + 1)) {
            let at = now + plan.talkTime * (troubleRandom.unit() * 1.1)
            let target = Array("sip:user\(troubleRandom.next() % UInt64(plan.endpoints))@".utf8) + Self.realm
            let command: AgentCommand =
                switch troubleRandom.next() % 12 {
                case 0...3: .hold(endpoint: index)
                case 4...6: .resume(endpoint: index)
                case 7, 8: .refreshSession(endpoint: index)
                case 9: plan.isCalm ? .hold(endpoint: index) : .transfer(endpoint: index, to: target)
                default: .sendDigit(endpoint: index, digit: UInt8(ascii: "5"))
                }
            _ = queue.schedule(.command(command), at: at)
        }
    }

    private func callEnded(_ endpoint: Int, _ succeeded: Bool) {
        let (number, isCaller) = pair(of: endpoint)
        pairs[number].callerIsBusy = isCaller ? false : pairs[number].callerIsBusy
        guard isCaller else {
            pairs[number].calleeIsBusy = false
            if pairs[number].isEnding { _ = queue.schedule(.finish(endpoint: UInt32(endpoint)), at: now) }
            return
        }
        if succeeded {
            report.callsSucceeded += 1
        } else if plan.isCalm {
            violate("the call of endpoint \(endpoint) failed", about: endpoint)
        }
        startCall(number)
    }

    /// A caller that was in a call already, with a stranger, never began the one it was told to; every other call must be over by now.
    func callIsLate(_ number: Int, callsLeft: Int, wasBusy: Bool, warned: Bool) {
        guard !pairs[number].isEnding, pairs[number].callsLeft == callsLeft else { return }
        if let awake = weather.pauses.map(\.until).max(), awake > now {
            // A machine that sleeps, or whose clock stands still, ends nothing until it goes on.
            let again = Event.callIsLate(pair: number, callsLeft: callsLeft, wasBusy: wasBusy, warned: warned)
            _ = queue.schedule(again, at: awake + longestCall)
            return
        }
        guard warned else {
            // After a leap of the clock the call gets the time that it missed.
            let again = Event.callIsLate(pair: number, callsLeft: callsLeft, wasBusy: wasBusy, warned: true)
            _ = queue.schedule(again, at: now + longestCall)
            return
        }
        if !wasBusy {
            violate("the call of endpoint \(number + pairs.count) has no end", about: number + pairs.count)
        }
        endPair(number, calleeWaits: true)
    }

    /// Both ends of a pair finish; the callee gets time to notice the end of its call.
    private func endPair(_ number: Int, calleeWaits: Bool) {
        guard !pairs[number].isEnding else { return }
        pairs[number].isEnding = true
        _ = queue.schedule(.finish(endpoint: UInt32(number + pairs.count)), at: now)
        let isWaiting = calleeWaits && pairs[number].calleeIsBusy
        _ = queue.schedule(.finish(endpoint: UInt32(number)), at: isWaiting ? now + Self.patience : now)
    }

    func finish(_ index: Int) {
        let (number, isCaller) = pair(of: index)
        guard isCaller ? !pairs[number].finished.caller : !pairs[number].finished.callee else { return }
        if isCaller { pairs[number].finished.caller = true } else { pairs[number].finished.callee = true }
        tell(.finish(endpoint: UInt32(index)), index)
    }

    private func closed(_ result: EndpointResult) {
        let endpoint = Int(result.index)
        report.closed += 1
        watch.closings[endpoint] &+= 1
        if watch.closings[endpoint] > 1 { violate("endpoint \(endpoint) gave a second result", about: endpoint) }
        if plan.isCalm, result.outcome != .success {
            violate("endpoint \(endpoint) ended as \(result.outcome.name)", about: endpoint)
        }
        // Somebody else may have ended it: its partner must not wait for it for ever.
        let (number, _) = pair(of: endpoint)
        if plan.callsPerPair > 0 { endPair(number, calleeWaits: true) }
    }
}
