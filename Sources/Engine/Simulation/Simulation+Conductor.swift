// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import UserAgent

extension Simulation {
    /// How long the other side of an ended call may take to notice before it is told to finish: longer than 64 times T1.
    private static var patience: Interval { .seconds(40) }

    /// Leads the pairs: both register, one calls, both finish when the call is over.
    func conduct(_ event: AgentEvent) {
        switch event {
        case .registered(let endpoint, _):
            report.registered += 1
            let (number, _) = pair(of: Int(endpoint))
            pairs[number].registered += 1
            if pairs[number].registered == 2 { startCall(number) }
        case .registrationFailed(let endpoint, _):
            report.registrationsFailed += 1
            if plan.isCalm { violate("endpoint \(endpoint) did not register") }
            let (number, _) = pair(of: Int(endpoint))
            _ = queue.schedule(.finish(endpoint: UInt32(number)), at: now)
            _ = queue.schedule(.finish(endpoint: UInt32(number + pairs.count)), at: now)
        case .callEnded(let endpoint, let succeeded):
            let (number, isCaller) = pair(of: Int(endpoint))
            _ = queue.schedule(.finish(endpoint: endpoint), at: now)
            guard isCaller else { return }
            if succeeded {
                report.callsSucceeded += 1
            } else if plan.isCalm {
                violate("the call of endpoint \(endpoint) failed")
            }
            _ = queue.schedule(.finish(endpoint: UInt32(number)), at: now + Self.patience)
        case .closed: report.closed += 1
        case .ringing, .established, .phase, .bound: break
        }
    }

    private func startCall(_ number: Int) {
        let caller = UInt32(number + pairs.count)
        let planned = Instant.zero + Interval(nanoseconds: 1_000_000_000 / Int64(plan.callsPerSecond)) * number
        let target = Array("sip:user\(number)@".utf8) + Self.realm
        let start = max(now, planned)
        shard(of: Int(caller)).perform(.call(endpoint: caller, target: .uri(target), at: start), now: now)
        if plan.impatience > 0, random.chance(plan.impatience) {
            let patience = Interval(nanoseconds: Int64(2_000_000_000 * random.unit()))
            _ = queue.schedule(.hangUp(endpoint: caller), at: start + patience)
        }
    }

    func finish(_ index: Int) {
        let (number, isCaller) = pair(of: index)
        guard isCaller ? !pairs[number].finished.caller : !pairs[number].finished.callee else { return }
        if isCaller { pairs[number].finished.caller = true } else { pairs[number].finished.callee = true }
        shard(of: index).perform(.finish(endpoint: UInt32(index)), now: now)
        drain(index % shards.count)
    }
}
