// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import RunMetrics

/// Where a run stands (H1). The raw value is the word in API and database.
public enum RunStatus: String, Hashable, Sendable, Codable, CaseIterable {
    /// Asked for; accounts not yet taken.
    case pending = "PENDING"
    /// Accounts taken, workers getting ready.
    case queued = "QUEUED"
    /// Endpoints are at work.
    case running = "RUNNING"
    /// Calls are hung up, endpoints unregister.
    case stopping = "STOPPING"
    /// Over, results complete.
    case completed = "COMPLETED"
    /// Over before its end, or never begun.
    case failed = "FAILED"
    /// No worker had room; only ever for worker capacity (D4).
    case cannotRunForNow = "CANNOT_RUN_FOR_NOW"

    /// Whether nothing can follow.
    public var isFinal: Bool {
        switch self {
        case .pending, .queued, .running, .stopping: false
        case .completed, .failed, .cannotRunForNow: true
        }
    }
}

/// What the thresholds said of a run.
public enum RunVerdict: String, Hashable, Sendable, Codable, CaseIterable {
    /// All thresholds held, or there was none and no endpoint failed.
    case passed
    /// A threshold was broken, or endpoints failed and none covers it.
    case failed
    /// The load generator itself was the limit.
    case void
}

/// Why a run failed as a whole.
public struct RunFailure: Hashable, Sendable {
    /// A fixed word: "insufficient_sip_accounts", "interrupted".
    public var code: String
    /// What is wrong and what to do, with numbers.
    public var text: String

    /// A failure from its parts.
    public init(code: String, text: String) {
        self.code = code
        self.text = text
    }
}

/// One execution of a test, with all that is needed to read it when everything else is gone (G4).
public struct RunRecord: Hashable, Sendable {
    /// Its identifier.
    public var id: RunID
    /// The project it belongs to; nil once that is deleted (G4).
    public var project: ProjectID?
    /// The project's name at the time; the store copies it when the run is added.
    public var projectName = ""
    /// The test it came from; nil once that is deleted, or for a run from a file.
    public var test: TestID?
    /// The test's name at the time.
    public var testName: String
    /// The test's definition at the time, as its owner encoded it.
    public var definition: [UInt8]
    /// How many endpoints it has.
    public var endpoints: Int
    /// Where it stands.
    public var status: RunStatus
    /// Why it failed as a whole, if it did.
    public var failure: RunFailure?
    /// What the thresholds said; nil until it ended.
    public var verdict: RunVerdict?
    /// Who asked for it.
    public var requestedBy: String
    /// When it was asked for.
    public var createdAt: UnixTime
    /// When the endpoints began.
    public var startedAt: UnixTime?
    /// When it reached its final status.
    public var endedAt: UnixTime?
    /// The summary as its owner encoded it; nil until it ended.
    public var summary: [UInt8]?

    /// A run that was just asked for.
    public init(
        id: RunID, project: ProjectID?, test: TestID?, testName: String, definition: [UInt8], endpoints: Int,
        status: RunStatus = .pending, requestedBy: String, createdAt: UnixTime
    ) {
        self.id = id
        self.project = project
        self.test = test
        self.testName = testName
        self.definition = definition
        self.endpoints = endpoints
        self.status = status
        self.requestedBy = requestedBy
        self.createdAt = createdAt
    }
}

/// How a run ended.
public struct RunEnding: Hashable, Sendable {
    /// The final status.
    public var status: RunStatus
    /// Why it failed as a whole, if it did.
    public var failure: RunFailure?
    /// What the thresholds said, if they were asked.
    public var verdict: RunVerdict?
    /// The summary as its owner encoded it.
    public var summary: [UInt8]?
    /// When.
    public var at: UnixTime

    /// An ending from its parts.
    public init(
        status: RunStatus, failure: RunFailure? = nil, verdict: RunVerdict? = nil, summary: [UInt8]? = nil, at: UnixTime
    ) {
        self.status = status
        self.failure = failure
        self.verdict = verdict
        self.summary = summary
        self.at = at
    }
}

/// The stored result of one endpoint: the username is copied, nothing points at the account (A7).
public struct EndpointRecord: Hashable, Sendable {
    /// The run.
    public var run: RunID
    /// What is known of the endpoint.
    public var result: EndpointResult
    /// The code of the diagnosis, if there is one.
    public var diagnosis: String?

    /// A record from its parts.
    public init(run: RunID, result: EndpointResult, diagnosis: String? = nil) {
        self.run = run
        self.result = result
        self.diagnosis = diagnosis
    }
}

/// Which endpoints of a run are wanted.
public struct EndpointQuery: Hashable, Sendable {
    /// Only those of this outcome.
    public var outcome: EndpointOutcome?
    /// Only those of this group.
    public var group: String?
    /// Only those with this diagnosis.
    public var diagnosis: String?
    /// Which page, in order of the endpoints.
    public var page: PageRequest

    /// A query from its parts; without any, the first page of all.
    public init(
        outcome: EndpointOutcome? = nil, group: String? = nil, diagnosis: String? = nil,
        page: PageRequest = PageRequest()
    ) {
        self.outcome = outcome
        self.group = group
        self.diagnosis = diagnosis
        self.page = page
    }
}
