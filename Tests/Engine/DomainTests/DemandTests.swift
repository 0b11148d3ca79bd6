// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Testing

@Suite struct DemandTests {
    private let pbx = RegistrarID(high: 1, low: 1)
    private let sbc = RegistrarID(high: 1, low: 2)

    /// The groups of a test and the accounts the document says it needs.
    @Test(arguments: [
        ("1 caller and 1 callee", [1, 1], 2),
        ("10 concurrent calls inside a group", [20], 20),
        ("50 endpoints to an external URI", [50], 50),
        ("100 endpoints in two groups", [50, 50], 100),
        ("100 in group A calling 100 in group B", [100, 100], 200),
    ])
    func `C1 and C2 every endpoint needs one account`(example: String, groups: [Int], accounts: Int) {
        let demands = Demand.perRegistrar(groups.map { GroupDemand(registrar: pbx, endpoints: $0) })
        #expect(demands == [RegistrarDemand(registrar: pbx, accounts: accounts)])
    }

    @Test func `C3 groups of one registrar add up, registrars are counted apart`() {
        let groups = [
            GroupDemand(registrar: sbc, endpoints: 5), GroupDemand(registrar: pbx, endpoints: 10),
            GroupDemand(registrar: sbc, endpoints: 7),
        ]
        #expect(
            Demand.perRegistrar(groups) == [
                RegistrarDemand(registrar: sbc, accounts: 12), RegistrarDemand(registrar: pbx, accounts: 10),
            ])
    }

    @Test func `C4 a shortage comes with its numbers and the runs that hold accounts`() {
        let run = RunID(high: 7, low: 7)
        let usage = AccountUsage(
            registrar: pbx, registrarName: "pbx", total: 20, holders: [AccountHolding(run: run, accounts: 5)])
        let groups = [GroupDemand(registrar: pbx, endpoints: 10), GroupDemand(registrar: pbx, endpoints: 11)]
        let shortages = Demand.shortages(of: groups, given: [usage])
        #expect(shortages.map(\.needs) == [21])
        #expect(shortages.map(\.missing) == [6])
        #expect(shortages.map(\.usage.free) == [15])
        #expect(
            InsufficientAccounts(shortages: shortages).description
                == "Insufficient SIP accounts: registrar pbx needs 21, has 20, missing 6; in use: 5 (run \(run) holds 5)"
        )
        #expect(Demand.shortages(of: [GroupDemand(registrar: pbx, endpoints: 15)], given: [usage]).isEmpty)
        #expect(Demand.shortages(of: [GroupDemand(registrar: sbc, endpoints: 1)], given: [usage]).count == 1)
    }

    @Test(arguments: [
        (1, 20), (10, 20), (11, 100), (50, 100), (51, 1_000), (500, 1_000), (501, 1_002), (999, 1_998), (1_000, 2_000),
        (5_000, 10_000),
    ])
    func `C5 the advised pool`(endpoints: Int, pool: Int) {
        #expect(Demand.advisedPool(endpoints: endpoints) == pool)
    }
}
