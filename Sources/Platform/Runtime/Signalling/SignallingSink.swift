// SPDX-License-Identifier: Apache-2.0

public import RunMetrics
public import UserAgent

/// Where a signalling engine tells what happens; called on its event loops, so it must be quick and never wait.
public struct SignallingSink: Sendable {
    /// Takes events of one shard in their order, at most some 50 ms after they happened.
    public let events: @Sendable ([AgentEvent]) -> Void
    /// Takes what one shard counted in one second; windows of the same second merge.
    public let window: @Sendable (Window) -> Void
    /// Takes a note of every message, each parsed once more for it; nil costs nothing.
    public let message: (@Sendable (MessageNote) -> Void)?
    /// Takes the messages of endpoints that closed, where the engine's configuration asks for traces; each endpoint at most once, and
    /// none after `SignallingEngine.shutdown` has returned.
    public let traces: @Sendable ([EndpointTrace]) -> Void

    /// A sink from its closures.
    public init(
        events: @escaping @Sendable ([AgentEvent]) -> Void, window: @escaping @Sendable (Window) -> Void = { _ in },
        message: (@Sendable (MessageNote) -> Void)? = nil,
        traces: @escaping @Sendable ([EndpointTrace]) -> Void = { _ in }
    ) {
        self.events = events
        self.window = window
        self.message = message
        self.traces = traces
    }
}
