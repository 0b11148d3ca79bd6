// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain

/// The lending of accounts to runs. Whether leases are over is judged by the store's clock only.
///
/// Each lending, return and expiry is in the audit log in the transaction that does it, by `who` and at the store's time; see
/// `AllocationNote`.
public protocol LeaseStore: Sendable {
    /// Takes the first free accounts of each group's registrar by order of addition, for endpoints numbered from 0 through
    /// the groups in order (D1, D2), for `term` unless renewed; the run becomes QUEUED.
    ///
    /// Too few at any registrar: nothing is taken and `InsufficientAccounts` names all shortages (D4). Throws
    /// `wrongStatus` unless the run is PENDING, `notFound` for the run or a registrar.
    func allocate(run: RunID, _ groups: [GroupDemand], term: Interval, by who: String) async throws -> Allocation
    /// Keeps a run's leases for `term` from now. Throws `leaseLost` when they ended, also when nobody took them yet.
    func renew(_ fence: LeaseFence, term: Interval) async throws
    /// The leases of a run by endpoint; empty when it has none or they are released.
    func leases(of run: RunID) async throws -> [LeaseRecord]
    /// The sealed passwords of some endpoints' accounts, in order of the endpoints. Throws `leaseLost`.
    func secrets(under fence: LeaseFence, endpoints: Range<UInt32>) async throws -> [SealedSecret]
    /// Releases all accounts of a run; gives how many, so 0 the second time (D5). `finish` does it as well.
    @discardableResult
    func release(_ run: RunID, by who: String) async throws -> Int
    /// Takes the accounts of runs whose leases ended more than `grace` ago, and ends those runs as FAILED with
    /// `ExpiredLeases.code`, each in one transaction. Gives what was taken, oldest allocation first.
    func expireLeases(grace: Interval, by who: String) async throws -> [ExpiredLeases]
}

/// Saved tests.
public protocol TestStore: Sendable {
    /// Adds a test. Throws `notFound` for its project, `nameTaken`.
    func add(_ test: TestRecord) async throws
    /// The tests of a project by name.
    func tests(of project: ProjectID) async throws -> [TestRecord]
    /// One test; nil when there is none.
    func test(_ id: TestID) async throws -> TestRecord?
    /// Changes name, definition and time of change. Throws `notFound`, `nameTaken`.
    func update(_ test: TestRecord) async throws
    /// Deletes a test; its runs stay (G4). Throws `notFound`.
    func deleteTest(_ id: TestID) async throws
}

/// Runs and what they found.
public protocol RunStore: Sendable {
    /// Adds a run, with a copy of its project's name. Throws `notFound` for its project or test.
    func add(_ run: RunRecord) async throws
    /// Moves a run on to a status that is not final; RUNNING also notes the start. Throws `notFound`, and `wrongStatus`
    /// when the run is over.
    func advance(_ run: RunID, to status: RunStatus, at time: UnixTime) async throws
    /// Ends a run and releases its accounts in one transaction. Throws `notFound`, `wrongStatus` when it is over, and
    /// `leaseLost` when a fence is given and its leases are not the run's.
    func finish(_ run: RunID, _ ending: RunEnding, under fence: LeaseFence?, by who: String) async throws
    /// Gives a run that is over a summary, unless it has one. Throws `notFound`, and `wrongStatus` when it is not over.
    func summarise(_ run: RunID, _ summary: [UInt8]) async throws
    /// One run; nil when there is none.
    func run(_ id: RunID) async throws -> RunRecord?
    /// Runs of a project, or of one test of it, newest first; without a project, the runs whose project was deleted (G4).
    func runs(of project: ProjectID?, test: TestID?, _ page: PageRequest) async throws -> Page<RunRecord>
    /// Runs that are not over, oldest first: what a controller must take up or end when it starts.
    func openRuns() async throws -> [RunRecord]
    /// Keeps results of endpoints, replacing earlier ones of the same endpoints. Throws `notFound` for a run, and `leaseLost`
    /// when a fence is given and its leases are over.
    func save(_ endpoints: [EndpointRecord], under fence: LeaseFence?) async throws
    /// One page of a run's endpoints.
    func endpoints(of run: RunID, _ query: EndpointQuery) async throws -> Page<EndpointRecord>
    /// One endpoint of a run; nil when it has no result.
    func endpoint(_ index: UInt32, of run: RunID) async throws -> EndpointRecord?
}

/// API keys and the audit log.
public protocol AccessStore: Sendable {
    /// Keeps a key's record, and appends what `audit` says in the same transaction. Throws `nameTaken` when its hash is known.
    func add(_ key: APIKeyRecord, audit: @escaping @Sendable () -> AuditEntry) async throws
    /// The record of a key that is not revoked; nil when there is none.
    func apiKey(hash: [UInt8]) async throws -> APIKeyRecord?
    /// All keys, revoked ones too, newest first.
    func apiKeys() async throws -> [APIKeyRecord]
    /// Revokes a key for ever, and appends what `audit` says in the same transaction; a second time changes nothing at the key.
    /// Throws `notFound`.
    func revoke(_ id: APIKeyID, at time: UnixTime, audit: @escaping @Sendable () -> AuditEntry) async throws
    /// Notes that keys were used.
    func touch(_ ids: [APIKeyID], at time: UnixTime) async throws
    /// Appends to the audit log; gives the entry's place. Entries are never changed or deleted.
    @discardableResult
    func append(_ entry: AuditEntry) async throws -> Int64
    /// Entries of the audit log after a place, oldest first, at most 500.
    func audit(after sequence: Int64) async throws -> [AuditEntry]
    /// Where the audit log ends.
    func auditEnd() async throws -> AuditEnd
}

/// Where the audit log ends.
public struct AuditEnd: Hashable, Sendable {
    /// The place of the last entry ever appended, whether or not it is still there; 0 before the first.
    public var appended: Int64
    /// The hash of the last entry that is there (`AuditChain`).
    public var head: [UInt8]
}
