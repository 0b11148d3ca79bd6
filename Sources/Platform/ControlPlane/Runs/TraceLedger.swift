// SPDX-License-Identifier: Apache-2.0

public import RunMetrics

/// Hears of traces as they are kept; called on the run's own task, so it must be quick and never wait.
public typealias TraceSink = @Sendable ([EndpointTrace]) -> Void

/// The traces of a run as they come in: counted against a bound, and none of them held here.
struct TraceLedger: Sendable {
    /// What a worker may hand over in one run, with room for the difference between its count and this one.
    static let mostBytes = 96 << 20

    private var bytes = 0

    /// What of a batch is kept: of endpoints of the run, as long as the bound is not reached.
    mutating func admit(_ batch: [EndpointTrace], endpoints: Int) -> [EndpointTrace] {
        batch.filter { trace in
            guard Int(trace.endpoint) < endpoints, bytes < Self.mostBytes else { return false }
            bytes += trace.messages.reduce(64) { $0 + $1.bytes.count + 64 }
            return true
        }
    }
}
