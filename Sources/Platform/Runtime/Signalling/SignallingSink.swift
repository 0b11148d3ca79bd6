// SPDX-License-Identifier: Apache-2.0

public import RunMetrics
public import UserAgent

/// Where a signalling engine tells what happens; called on its event loops, so it must be quick and never wait.
public struct SignallingSink: Sendable {
    /// Takes events of one shard in their order, at most some 50 ms after they happened.
    public let events: @Sendable ([AgentEvent]) -> Void
    /// Takes what one shard counted in one second; windows of the same second merge.
    public let window: @Sendable (Window) -> Void

    /// A sink from its two closures.
    public init(
        events: @escaping @Sendable ([AgentEvent]) -> Void, window: @escaping @Sendable (Window) -> Void = { _ in }
    ) {
        self.events = events
        self.window = window
    }
}
