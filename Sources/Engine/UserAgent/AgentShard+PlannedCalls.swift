// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// A call that its endpoint is to make while another one is planned or under way.
struct PlannedCall {
    let target: CallTarget
    let at: Instant
    let timer: TimerHandle
}

/// Calls of an open model: they are due at their moment whatever became of those before. An endpoint that is still busy then does
/// not attempt the call, and the call is counted instead of being put off.
extension AgentShard {
    func planCall(_ slot: Int, target: CallTarget, at: Instant, now: Instant) {
        guard endpoints[slot].call != nil else {
            return startCall(insertCall(slot, target: target, at: at), at: at, now: now)
        }
        guard at > now else { return missCall(slot) }
        let timer = timers.schedule(.plannedCall(slot: slot), at: at)
        plannedCalls[slot, default: []].append(PlannedCall(target: target, at: at, timer: timer))
    }

    func plannedCallIsDue(_ slot: Int, now: Instant) {
        guard var planned = plannedCalls[slot],
            let place = planned.firstIndex(where: { $0.at <= now })
        else { return }
        let call = planned.remove(at: place)
        plannedCalls[slot] = planned.isEmpty ? nil : planned
        guard endpoints[slot].call == nil else { return missCall(slot) }
        startCall(insertCall(slot, target: call.target, at: call.at), at: call.at, now: now)
    }

    /// The endpoint leaves: what it was still to call is not attempted.
    func dropPlannedCalls(_ slot: Int) {
        guard let planned = plannedCalls.removeValue(forKey: slot) else { return }
        for call in planned { timers.cancel(call.timer) }
        endpoints[slot].missedCalls += UInt32(clamping: planned.count)
    }

    private func missCall(_ slot: Int) {
        endpoints[slot].missedCalls += 1
        endpoints[slot].outcome.worsen(to: .completedWithWarnings)
        emit(.callMissed(endpoint: endpoints[slot].identity.plan.index))
    }
}
