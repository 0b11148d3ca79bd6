// SPDX-License-Identifier: Apache-2.0

public import Domain
public import RunMetrics

/// How far a run has come, in numbers.
public struct RunProgress: Hashable, Sendable {
    /// Where the run stands.
    public var status: RunStatus
    /// Whole seconds since the endpoints began.
    public var second: UInt32 = 0
    /// Endpoints of the run.
    public var endpoints: Int
    /// Endpoints registered now.
    public var registered = 0
    /// Endpoints whose outcome is a failure.
    public var failed = 0
    /// Endpoints that are done.
    public var closed = 0
    /// Calls up now.
    public var callsUp = 0
    /// Calls established so far.
    public var callsEstablished = 0
    /// Calls that failed so far.
    public var callsFailed = 0

    /// A run that has done nothing yet.
    public init(status: RunStatus, endpoints: Int) {
        self.status = status
        self.endpoints = endpoints
    }
}

/// Something to tell of a run that goes on.
public struct RunEvent: Hashable, Sendable {
    /// What happened.
    public enum Kind: Hashable, Sendable {
        /// The run's status changed; a final one is the last event.
        case status(RunRecord)
        /// How far it is; at least once a second while something happens.
        case progress(RunProgress)
        /// What was counted in one second.
        case window(Window)
    }

    /// Rises within a run, from 1: a reader that comes back names the last one it saw.
    public var id: UInt64
    /// What happened.
    public var kind: Kind

    /// Whether nothing follows.
    public var isLast: Bool {
        if case .status(let record) = kind { record.status.isFinal } else { false }
    }
}
