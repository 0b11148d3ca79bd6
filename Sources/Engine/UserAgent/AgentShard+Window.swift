// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import RunMetrics

/// What a shard counts, second by second.
extension AgentShard {
    /// What happened since the last call, as the window of a second of the run.
    public func takeWindow(second: UInt32) -> Window {
        var taken = window
        taken.second = second
        for place in tallies.indices where tallies[place] != Tally() {
            taken.tally.merge(tallies[place])
            if configuration.countsGroups {
                taken.groups.append(GroupTally(name: groupNames[place], tally: tallies[place]))
            }
            tallies[place] = Tally()
        }
        var next = Window(second: second + 1)
        next.registered = window.registered
        next.callsUp = window.callsUp
        window = next
        return taken
    }

    /// Where a group's counts stand.
    func groupPlace(_ name: String) -> Int {
        if let place = groupNames.lastIndex(of: name) { return place }
        groupNames.append(name)
        tallies.append(Tally())
        return groupNames.count - 1
    }

    /// Notes how late something was begun that was due at `intended`; what a server made us wait for is no lateness.
    func noteLateness(_ slot: Int, intended: Interval?, now: Instant) {
        guard let intended else { return }
        tallies[endpoints[slot].group].record(max(.zero, elapsed(now) - intended), as: \.lateness)
    }

    /// Notes a registration's delay, once it succeeded.
    func noteRegistrationDelay(_ slot: Int) {
        let evidence = endpoints[slot].evidence
        let group = endpoints[slot].group
        if let delay = evidence.delay { tallies[group].record(delay, as: \.registration) }
        if let delay = evidence.delayFromIntended { tallies[group].record(delay, as: \.registrationFromIntended) }
    }

    /// Notes how long a call took to ring.
    func notePostDialDelay(_ slot: Int, _ evidence: CallEvidence) {
        let group = endpoints[slot].group
        if let delay = evidence.postDialDelay { tallies[group].record(delay, as: \.postDial) }
        if let delay = evidence.postDialDelayFromIntended { tallies[group].record(delay, as: \.postDialFromIntended) }
    }

    /// Notes how long a call took to be answered.
    func noteSetupTime(_ slot: Int, _ evidence: CallEvidence) {
        let group = endpoints[slot].group
        if let time = evidence.setupTime { tallies[group].record(time, as: \.setup) }
        if let time = evidence.setupTimeFromIntended { tallies[group].record(time, as: \.setupFromIntended) }
    }

    /// Notes datagrams that the system dropped at a socket of ours because they were not read in time.
    public func noteDrops(_ count: UInt64) {
        guard count > 0 else { return }
        if window.generator == nil { window.generator = GeneratorSample() }
        window.generator?.socketDrops += count
    }
}
