// SPDX-License-Identifier: Apache-2.0

/// A run as the API shows it. `GET /runs/{run}` adds the keys of the run summary.
public struct Run: Codable, Sendable, Hashable {
    /// 26 characters.
    public var id: String
    /// The project it belongs to; absent once that is deleted (G4).
    public var projectId: String?
    /// The project's name when the run was asked for.
    public var projectName: String
    /// The test; absent once that is deleted (G4).
    public var testId: String?
    /// The test's name when the run began.
    public var testName: String
    /// `PENDING`, `QUEUED`, `RUNNING`, `STOPPING`, `COMPLETED`, `FAILED` or `CANNOT_RUN_FOR_NOW`.
    public var status: String
    /// `passed`, `failed` or `void`; absent while the run goes.
    public var verdict: String?
    /// Why it failed before or without results.
    public var failure: String?
    /// The fixed word for it, `insufficient_sip_accounts` for example.
    public var failureCode: String?
    /// Endpoints it has.
    public var endpointCount: Int
    /// When it was asked for, RFC 3339 in UTC.
    public var createdAt: String
    /// When its endpoints began.
    public var startedAt: String?
    /// When it ended.
    public var endedAt: String?

    /// A run from its parts.
    public init(
        id: String, projectId: String?, projectName: String, testId: String?, testName: String, status: String,
        verdict: String?,
        failure: String?, failureCode: String?,
        endpointCount: Int, createdAt: String, startedAt: String?, endedAt: String?
    ) {
        self.id = id
        self.projectId = projectId
        self.projectName = projectName
        self.testId = testId
        self.testName = testName
        self.status = status
        self.verdict = verdict
        self.failure = failure
        self.failureCode = failureCode
        self.endpointCount = endpointCount
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.endedAt = endedAt
    }
}

/// A run with the keys of its summary beside its own; the summary is absent until the run has ended.
public struct RunDetail<Summary: Codable & Sendable>: Codable, Sendable {
    /// The run.
    public var run: Run
    /// The run summary.
    public var summary: Summary?

    /// A run and its summary.
    public init(run: Run, summary: Summary?) {
        self.run = run
        self.summary = summary
    }

    /// Reads it back.
    public init(from decoder: any Decoder) throws {
        run = try Run(from: decoder)
        summary = try? Summary(from: decoder)
    }

    /// Writes it.
    public func encode(to encoder: any Encoder) throws {
        try summary?.encode(to: encoder)
        try run.encode(to: encoder)
    }
}

/// One event of `GET /runs/{run}/events`: how the run stands in a second.
public struct ProgressEvent: Codable, Sendable, Hashable {
    /// The run's status.
    public var status: String
    /// Seconds since the run's start.
    public var second: Int
    /// Endpoints in all.
    public var endpoints: Int
    /// Endpoints registered now.
    public var registered: Int
    /// Endpoints that failed.
    public var failed: Int
    /// Endpoints that are done.
    public var closed: Int
    /// Calls up now.
    public var callsUp: Int
    /// Calls established so far.
    public var callsEstablished: Int
    /// Calls failed so far.
    public var callsFailed: Int

    /// Progress from its parts.
    public init(
        status: String, second: Int, endpoints: Int, registered: Int, failed: Int, closed: Int, callsUp: Int,
        callsEstablished: Int, callsFailed: Int
    ) {
        self.status = status
        self.second = second
        self.endpoints = endpoints
        self.registered = registered
        self.failed = failed
        self.closed = closed
        self.callsUp = callsUp
        self.callsEstablished = callsEstablished
        self.callsFailed = callsFailed
    }
}
