// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
public import RunMetrics

/// The messages of some of a run's endpoints: of those that failed and of a sample. They stay as long as their run.
public protocol TraceStore: Sendable {
    /// Keeps traces of a run, replacing earlier ones of the same endpoints. Throws `notFound` for the run, and `leaseLost` when a fence
    /// is given and its leases are over.
    func save(_ traces: [EndpointTrace], of run: RunID, under fence: LeaseFence?) async throws
    /// The trace of one endpoint; nil when none was kept.
    func trace(of endpoint: UInt32, of run: RunID) async throws -> EndpointTrace?
    /// Traces of a run in order of its endpoints, those after `endpoint`, at most so many.
    func traces(of run: RunID, after endpoint: UInt32?, atMost count: Int) async throws -> [EndpointTrace]
}
