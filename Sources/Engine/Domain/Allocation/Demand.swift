// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// The endpoints of one group: each needs one account of the group's registrar, answering ones as well as calling ones (C1).
public struct GroupDemand: Hashable, Sendable {
    /// The registrar of the group.
    public var registrar: RegistrarID
    /// How many endpoints the group has.
    public var endpoints: Int

    /// A demand from its parts.
    public init(registrar: RegistrarID, endpoints: Int) {
        self.registrar = registrar
        self.endpoints = endpoints
    }
}

/// The accounts one registrar must have free.
public struct RegistrarDemand: Hashable, Sendable {
    /// The registrar.
    public var registrar: RegistrarID
    /// How many accounts.
    public var accounts: Int

    /// A demand from its parts.
    public init(registrar: RegistrarID, accounts: Int) {
        self.registrar = registrar
        self.accounts = accounts
    }
}

/// How many accounts a run needs.
public enum Demand {
    /// Adds up the groups of each registrar (C3), registrars in order of their first group.
    public static func perRegistrar(_ groups: [GroupDemand]) -> [RegistrarDemand] {
        var places: [RegistrarID: Int] = [:]
        var demands: [RegistrarDemand] = []
        for group in groups {
            if let place = places[group.registrar] {
                demands[place].accounts += group.endpoints
            } else {
                places[group.registrar] = demands.count
                demands.append(RegistrarDemand(registrar: group.registrar, accounts: group.endpoints))
            }
        }
        return demands
    }

    /// The registrars that have too few, with the numbers (C4). Registrars without a known usage count as empty.
    public static func shortages(of groups: [GroupDemand], given usages: [AccountUsage]) -> [AccountShortage] {
        perRegistrar(groups).compactMap { demand in
            let usage = usages.first { $0.registrar == demand.registrar } ?? AccountUsage(registrar: demand.registrar)
            let shortage = AccountShortage(needs: demand.accounts, usage: usage)
            return shortage.missing > 0 ? shortage : nil
        }
    }

    /// How large a pool to keep for tests of at most `endpoints` endpoints (C5).
    public static func advisedPool(endpoints: Int) -> Int {
        switch endpoints {
        case ...10: 20
        case ...50: 100
        case ...500: 1_000
        default: endpoints > Int.max / 2 ? Int.max : 2 * endpoints
        }
    }
}

/// How many accounts of a registrar a run holds.
public struct AccountHolding: Hashable, Sendable {
    /// The run.
    public var run: RunID
    /// How many accounts.
    public var accounts: Int

    /// A holding from its parts.
    public init(run: RunID, accounts: Int) {
        self.run = run
        self.accounts = accounts
    }
}

/// How many accounts a registrar has and who holds them.
public struct AccountUsage: Hashable, Sendable {
    /// The registrar.
    public var registrar: RegistrarID
    /// The registrar's name, for messages; empty when it is not known.
    public var registrarName: String
    /// All accounts of the registrar.
    public var total: Int
    /// The runs that hold some, oldest run first.
    public var holders: [AccountHolding]

    /// A usage from its parts; without any, a registrar with no accounts.
    public init(registrar: RegistrarID, registrarName: String = "", total: Int = 0, holders: [AccountHolding] = []) {
        self.registrar = registrar
        self.registrarName = registrarName
        self.total = total
        self.holders = holders
    }

    /// Accounts that runs hold.
    public var inUse: Int { holders.reduce(0) { $0 + $1.accounts } }
    /// Accounts that no run holds.
    public var free: Int { total - inUse }
}

/// A registrar with too few free accounts, in numbers.
public struct AccountShortage: Hashable, Sendable {
    /// How many accounts are needed.
    public var needs: Int
    /// What the registrar has.
    public var usage: AccountUsage

    /// A comparison of need and usage.
    public init(needs: Int, usage: AccountUsage) {
        self.needs = needs
        self.usage = usage
    }

    /// How many must be added, or come free.
    public var missing: Int { max(0, needs - usage.free) }
}

extension AccountShortage: CustomStringConvertible {
    /// The numbers in one sentence.
    public var description: String {
        let name = usage.registrarName.isEmpty ? usage.registrar.description : usage.registrarName
        var text = "registrar \(name) needs \(needs), has \(usage.total), missing \(missing)"
        if !usage.holders.isEmpty {
            let runs = usage.holders.map { "run \($0.run) holds \($0.accounts)" }.joined(separator: ", ")
            text += "; in use: \(usage.inUse) (\(runs))"
        }
        return text
    }
}

/// A run could not get its accounts; nothing stays allocated (D4).
public struct InsufficientAccounts: Error, Hashable, Sendable, CustomStringConvertible {
    /// The code in API and results.
    public static let code = "insufficient_sip_accounts"

    /// The registrars that had too few, in order of their first group.
    public var shortages: [AccountShortage]

    /// A failure from its numbers.
    public init(shortages: [AccountShortage]) { self.shortages = shortages }

    /// "Insufficient SIP accounts" and the numbers.
    public var description: String {
        "Insufficient SIP accounts: " + shortages.map(\.description).joined(separator: "; ")
    }
}
