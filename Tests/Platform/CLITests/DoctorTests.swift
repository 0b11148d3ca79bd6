// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Runtime
import Testing

@testable import callmeter

/// How machines are judged; the looking itself is shown by the story `Interop/doctor`.
struct DoctorTests {
    private static var good: MachineFacts {
        MachineFacts(
            openFiles: 10, openFileLimit: 20_000, ephemeralPorts: 32_768...60_999, receiveBuffer: 8_388_608,
            sendBuffer: 8_388_608, trackedConnections: nil, canLock: true, clock: .synchronised, cores: 8, load: 0.5,
            steal: 0)
    }

    private static func test(_ endpoints: Int, _ callee: CalleeTarget, flow: SocketUse = .endpoint) -> TestDefinition {
        TestDefinition(
            name: "t",
            groups: [GroupDefinition(name: "g", registrar: "pbx", endpoints: endpoints, callee: callee, flow: flow)],
            duration: .seconds(1))
    }

    private static func check(_ name: String, _ facts: MachineFacts, _ needs: MachineNeeds) -> Check? {
        MachineChecks.all(facts, needs).first { $0.name.hasPrefix(name) }
    }

    @Test func `a good machine has nothing to mend`() {
        let checks = MachineChecks.all(Self.good, MachineNeeds(Self.test(100, .intra)))
        #expect(checks.allSatisfy { $0.state == .good && $0.mend == nil }, "\(checks)")
        var checkup = Checkup()
        checkup.checks = checks
        #expect(checkup.lines(.plain).last == "READY")
        #expect(checkup.status == .allWell)
    }

    @Test(arguments: [
        (CalleeTarget.none, SocketUse.endpoint, 100), (.intra, .endpoint, 300), (.intra, .shared, 200),
        (.none, .shared, 0),
    ])
    func `an endpoint needs a socket for SIP unless it is shared, and two for audio unless it calls nobody`(
        callee: CalleeTarget, flow: SocketUse, ports: Int
    ) {
        #expect(MachineNeeds(Self.test(100, callee, flow: flow)).ports == ports)
    }

    @Test func `too few open files stop a test, and the command that allows more is given`() {
        var facts = Self.good
        facts.openFileLimit = 1_024
        let check = Self.check("open files", facts, MachineNeeds(Self.test(1_000, .intra)))
        #expect(check?.state == .bad)
        #expect(check?.mend?.contains("ulimit -n 5000") == true, "\(String(describing: check))")
        #expect(Self.check("open files", facts, MachineNeeds(Self.test(100, .none)))?.state == .good)
    }

    @Test func `ports that other programs want too are a caution, ports that there are not stop a test`() {
        var facts = Self.good
        facts.openFileLimit = 1_000_000
        #expect(Self.check("UDP ports", facts, MachineNeeds(Self.test(4_000, .intra)))?.state == .good)
        #expect(Self.check("UDP ports", facts, MachineNeeds(Self.test(6_000, .intra)))?.state == .caution)
        #expect(Self.check("UDP ports", facts, MachineNeeds(Self.test(10_000, .intra)))?.state == .bad)
    }

    @Test func `an RTP range inside the system's own is a caution, one that is too small stops a test`() {
        var test = Self.test(100, .intra)
        test.groups[0].rtpPorts = 20_000...21_000
        #expect(Self.check("RTP ports", Self.good, MachineNeeds(test))?.state == .good)
        test.groups[0].rtpPorts = 40_000...41_000
        #expect(
            Self.check("RTP ports", Self.good, MachineNeeds(test))?.mend?.contains(
                "ip_local_reserved_ports=40000-41000") == true)
        test.groups[0].rtpPorts = 20_000...20_100
        #expect(Self.check("RTP ports", Self.good, MachineNeeds(test))?.state == .bad)
    }

    @Test func `small buffers matter only where endpoints share sockets`() {
        var facts = Self.good
        facts.receiveBuffer = 212_992
        #expect(Self.check("socket buffers", facts, MachineNeeds(Self.test(100, .none)))?.state == .good)
        let check = Self.check("socket buffers", facts, MachineNeeds(Self.test(100, .none, flow: .shared)))
        #expect(check?.state == .caution)
        #expect(check?.mend == "sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304")
    }

    @Test func `a clock that is free, a busy processor, a greedy host and unlocked memory are cautions, not refusals`()
    {
        var facts = Self.good
        (facts.clock, facts.load, facts.steal, facts.canLock) = (.free, 7, 9, false)
        let checks = MachineChecks.all(facts, MachineNeeds())
        #expect(checks.filter { $0.state == .caution }.map(\.name) == ["locked memory", "clock", "processor", "host"])
        var checkup = Checkup()
        checkup.checks = checks
        #expect(checkup.ready)
    }

    @Test func `a target that does not answer counts more than a machine that is not ready`() {
        var checkup = Checkup()
        checkup.checks = [Check("m", "a", .bad, "x"), Check("t", "b", .unreachable, "y", mend: "do this")]
        #expect(checkup.status == .unreachable)
        #expect(checkup.lines(.plain).suffix(4) == ["To mend it:", "  b: do this", "", "NOT READY"])
    }

    @Test func `a canary is the test with one endpoint of each group, short and judged by nothing`() throws {
        var test = Self.test(500, .intra)
        test.thresholds = [try Threshold("mos.avg >= 4.0")]
        test.duration = .seconds(3_600)
        test.groups.append(GroupDefinition(name: "h", registrar: "pbx", endpoints: 900, callee: .none))
        let canary = Canary.reduced(test)
        #expect(canary.groups.map(\.endpoints) == [2, 1])
        #expect(canary.duration == .seconds(2))
        #expect(canary.thresholds.isEmpty)
    }
}
