// SPDX-License-Identifier: Apache-2.0

import Domain
import Reports
import Runtime

/// What a test asks of a machine.
struct MachineNeeds: Hashable {
    /// Sockets with a port of their own.
    var ports = 0
    /// Open files: sockets and what the program has besides.
    var descriptors = DescriptorBudget.reserve
    /// Endpoints that share sockets, which then need large buffers.
    var sharing = 0
    /// Bytes of passwords in locked memory, about.
    var secretBytes = 0

    /// RTP ports that groups are bound to, with how many of them each needs.
    var rtpRanges: [RTPRange] = []

    /// The ports of one group.
    struct RTPRange: Hashable {
        var group: String
        var ports: ClosedRange<Int>
        var needed: Int
    }

    /// The needs of no test in particular.
    init() {}

    /// The needs of a test: a socket for SIP, shared or not, and two for RTP and RTCP where there are calls.
    init(_ test: TestDefinition) {
        for group in test.groups {
            var sockets = 0
            if group.flow == .shared { sharing += group.endpoints } else { sockets += group.endpoints }
            if group.callee != .none {
                sockets += 2 * group.endpoints
                if let range = group.rtpPorts {
                    let ports = Int(range.lowerBound)...Int(range.upperBound)
                    rtpRanges.append(RTPRange(group: group.name, ports: ports, needed: 2 * group.endpoints))
                }
            }
            ports += sockets
            descriptors += sockets
            secretBytes += 128 * group.endpoints
        }
    }
}

/// Judges a machine by what it has and what a test needs. Pure, so that every machine can be tried.
enum MachineChecks {
    /// The buffer that a shared socket asks for.
    static let sharedBuffer = 4 * 1_048_576
    private static let place = "this machine"

    static func all(_ facts: MachineFacts, _ needs: MachineNeeds) -> [Check] {
        var checks = [files(facts, needs)]
        if let range = facts.ephemeralPorts { checks.append(ports(range, needs)) }
        checks += needs.rtpRanges.map { rtp($0, facts.ephemeralPorts) }
        checks += [buffers(facts, needs), locked(facts)]
        if let limit = facts.trackedConnections { checks.append(tracked(limit, needs)) }
        return checks + [clock(facts.clock), cores(facts)] + (facts.steal.map { [steal($0)] } ?? [])
    }

    private static func files(_ facts: MachineFacts, _ needs: MachineNeeds) -> Check {
        let wanted = needs.descriptors + facts.openFiles
        let found = "\(wanted) needed, \(facts.openFileLimit) allowed"
        guard wanted > facts.openFileLimit else { return Check(place, "open files", .good, found) }
        return Check(
            place, "open files", .bad, found,
            mend: "ulimit -Hn \(rounded(wanted)); ulimit -n \(rounded(wanted)), or `flow: shared` in the test")
    }

    private static func ports(_ range: ClosedRange<Int>, _ needs: MachineNeeds) -> Check {
        let found = "\(needs.ports) needed, \(range.count) to give (\(range.lowerBound)–\(range.upperBound))"
        // Half of the range is a sign that other programs, and ports that are still waiting, will be in the way.
        guard needs.ports > range.count / 2 else { return Check(place, "UDP ports", .good, found) }
        return Check(
            place, "UDP ports", needs.ports > range.count ? .bad : .caution, found,
            mend:
                "sysctl -w net.ipv4.ip_local_port_range=\"10240 65535\", or `flow: shared`, or endpoints on several machines"
        )
    }

    private static func rtp(_ range: MachineNeeds.RTPRange, _ ephemeral: ClosedRange<Int>?) -> Check {
        let name = "RTP ports of \(range.group)"
        let found =
            "\(range.needed) needed, \(range.ports.count) in \(range.ports.lowerBound)–\(range.ports.upperBound)"
        guard range.needed <= range.ports.count else {
            return Check(place, name, .bad, found, mend: "widen `rtpPorts` of the group, or lower its endpoints")
        }
        guard let ephemeral, ephemeral.overlaps(range.ports) else { return Check(place, name, .good, found) }
        return Check(
            place, name, .caution,
            found
                + ": the system gives some of them to other sockets (\(ephemeral.lowerBound)–\(ephemeral.upperBound))",
            mend: "sysctl -w net.ipv4.ip_local_reserved_ports=\(range.ports.lowerBound)-\(range.ports.upperBound)")
    }

    private static func buffers(_ facts: MachineFacts, _ needs: MachineNeeds) -> Check {
        guard let receive = facts.receiveBuffer, let send = facts.sendBuffer else {
            return Check(place, "socket buffers", .caution, "the system does not tell their limits")
        }
        let found = "receive \(receive / 1024) KiB, send \(send / 1024) KiB at most"
        let isEnough = min(receive, send) >= sharedBuffer
        guard needs.sharing > 0, !isEnough else { return Check(place, "socket buffers", .good, found) }
        return Check(
            place, "socket buffers", .caution,
            found + ": \(needs.sharing) endpoints share sockets, whose bursts may be dropped",
            mend: "sysctl -w net.core.rmem_max=\(sharedBuffer) net.core.wmem_max=\(sharedBuffer)")
    }

    private static func locked(_ facts: MachineFacts) -> Check {
        guard !facts.canLock else { return Check(place, "locked memory", .good, "passwords are kept out of swap") }
        return Check(
            place, "locked memory", .caution, "RLIMIT_MEMLOCK refuses: passwords could be swapped to disk",
            mend: "ulimit -l unlimited, or LimitMEMLOCK=infinity in the service")
    }

    private static func tracked(_ limit: Int, _ needs: MachineNeeds) -> Check {
        let found = "\(needs.ports) flows, \(limit) remembered by the packet filter"
        guard needs.ports > limit * 8 / 10 else { return Check(place, "connection tracking", .good, found) }
        return Check(
            place, "connection tracking", .bad, found,
            mend: "sysctl -w net.netfilter.nf_conntrack_max=\(rounded(needs.ports * 2))")
    }

    private static func clock(_ state: ClockState) -> Check {
        switch state {
        case .synchronised: Check(place, "clock", .good, "synchronised")
        case .unknown: Check(place, "clock", .good, "the system does not tell whether it is synchronised")
        case .free:
            Check(
                place, "clock", .caution, "not synchronised: times cannot be compared with the server's log",
                mend: "timedatectl set-ntp true")
        }
    }

    private static func cores(_ facts: MachineFacts) -> Check {
        let load = facts.load.map { ", load \(NumberText.fixed($0, 1))" } ?? ""
        let found = "\(facts.cores) core\(facts.cores == 1 ? "" : "s")\(load)"
        guard let busy = facts.load, busy > 0.7 * Double(facts.cores) else {
            return Check(place, "processor", .good, found)
        }
        return Check(
            place, "processor", .caution, found + ": others are at work here, and the generator may be late",
            mend: "end what else runs on this machine; each run says whether its generator kept up")
    }

    private static func steal(_ percent: Double) -> Check {
        let found = NumberText.fixed(percent, 1) + " % of the time went to other guests"
        guard percent > 2 else { return Check(place, "host", .good, found) }
        return Check(place, "host", .caution, found, mend: "use a machine with cores of its own for load tests")
    }

    /// A thousand more than is needed, rounded up to thousands.
    private static func rounded(_ wanted: Int) -> Int { (wanted / 1_000 + 2) * 1_000 }
}
