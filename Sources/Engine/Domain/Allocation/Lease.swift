// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What every write on behalf of a run's leases carries: it is refused once these leases are over (D2).
public struct LeaseFence: Hashable, Sendable {
    /// The run.
    public var run: RunID
    /// Rises with every allocation, so that it tells a late write from one of the run that has the accounts now.
    public var number: Int64

    /// A fence from its parts.
    public init(run: RunID, number: Int64) {
        self.run = run
        self.number = number
    }
}

/// How long leases live without being renewed, and what follows.
///
/// One end for all leases of a run, judged by the database's clock; the worker judges the same term by its own monotonic
/// clock from the moment it asked, so that it always stops first.
public struct LeaseTerms: Hashable, Sendable {
    /// How long a renewal lasts. Long enough for a database that is busy or a network that stalls, short enough that the
    /// accounts of a frozen worker are not missed for long.
    public var term: Interval
    /// How much longer than its term a run keeps its accounts, so that a worker that heard nothing can hang up and
    /// un-REGISTER before they are somebody else's: a drain and its forced end.
    public var grace: Interval
    /// What a worker that lost its controller gets to hang up and un-REGISTER.
    public var orphanDrain: Interval

    /// The usual terms: 30 s, 15 s and 5 s.
    public static let standard = LeaseTerms(term: .seconds(30), grace: .seconds(15), orphanDrain: .seconds(5))

    /// Terms from their parts.
    public init(term: Interval, grace: Interval, orphanDrain: Interval) {
        self.term = term
        self.grace = grace
        self.orphanDrain = orphanDrain
    }

    /// How often a worker asks for a renewal: two may be lost before the term passes.
    public var renewal: Interval { Interval(nanoseconds: term.nanoseconds / 3) }
    /// How long the accounts of a lost worker stay held: its drain, and as long again for what it closes by force.
    public var orphanGrace: Interval { orphanDrain * 2 }
}

/// The accounts a run was given.
public struct Allocation: Hashable, Sendable {
    /// What the run's writes carry from now on.
    public var fence: LeaseFence
    /// How many accounts, one for each endpoint.
    public var accounts: Int

    /// An allocation from its parts.
    public init(fence: LeaseFence, accounts: Int) {
        self.fence = fence
        self.accounts = accounts
    }
}

/// A run whose accounts were taken from it, because its leases were not renewed in time.
public struct ExpiredLeases: Hashable, Sendable {
    /// The failure's code in API and results.
    public static let code = "lease_expired"
    /// The failure's words.
    public static let text =
        "the worker was not heard of for the term of its leases; its accounts were released, and endpoints that had not "
        + "closed have no result"

    /// The run and the number it had them under.
    public var fence: LeaseFence
    /// How many there were.
    public var accounts: Int

    /// A report from its parts.
    public init(fence: LeaseFence, accounts: Int) {
        self.fence = fence
        self.accounts = accounts
    }
}

/// One account lent to one endpoint of one run. The secret is read apart, by whoever may open it.
public struct LeaseRecord: Hashable, Sendable {
    /// The run that holds it.
    public var run: RunID
    /// The endpoint's place in the run, from 0.
    public var endpoint: UInt32
    /// The number of the allocation; what carries another one than the newest of its run is out of date.
    public var fence: Int64
    /// The account.
    public var account: AccountID
    /// The account's registrar.
    public var registrar: RegistrarID
    /// The digest user.
    public var username: String
    /// The fixed realm, if any.
    public var realm: String?
    /// The user part of the address-of-record where it differs from the username.
    public var extensionNumber: String?
    /// A binding an earlier run left at the server, to be removed first (D5).
    public var leftover: LeftoverContact?

    /// A lease from its parts.
    public init(
        run: RunID, endpoint: UInt32, fence: Int64, account: AccountID, registrar: RegistrarID, username: String,
        realm: String?, extensionNumber: String?, leftover: LeftoverContact?
    ) {
        self.run = run
        self.endpoint = endpoint
        self.fence = fence
        self.account = account
        self.registrar = registrar
        self.username = username
        self.realm = realm
        self.extensionNumber = extensionNumber
        self.leftover = leftover
    }
}
