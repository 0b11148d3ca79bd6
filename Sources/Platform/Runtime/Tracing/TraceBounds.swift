// SPDX-License-Identifier: Apache-2.0

public import RunMetrics

/// Whether an engine keeps its endpoints' messages, and how much memory they may take.
public struct TraceSettings: Hashable, Sendable {
    /// The endpoints whose messages are handed over whatever became of them; those of endpoints that failed always are.
    public var sample: TraceSample
    /// Memory for the messages of endpoints that are not closed yet, of all threads together, in bytes.
    public var memory = 64 << 20
    /// The bytes kept of one endpoint; of more, the newest stay.
    public var perEndpoint = 64 << 10
    /// The messages handed over of one endpoint; of more, the newest are.
    public var messages = 64
    /// The bytes kept of one message; of a longer one, its beginning stays.
    public var perMessage = 16 << 10
    /// What is handed over in a run in all, in bytes; endpoints that close later have no trace.
    public var total = 64 << 20

    /// The usual bounds with a sample.
    public init(sample: TraceSample) { self.sample = sample }
}
