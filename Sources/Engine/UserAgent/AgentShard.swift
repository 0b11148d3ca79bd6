// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Media
public import RunMetrics
public import SIP

/// Many endpoints on one thread: takes commands, messages and the time; gives messages to send, media commands and events.
///
/// A driver feeds it, then drains: sends `transmissions` (bytes by `withMessage`), performs `outputs`, calls `removeOutputs`, and
/// calls `advance` at `nextDeadline`. It is confined to its driver's thread.
public final class AgentShard {
    /// Media commands and events, in order.
    public private(set) var outputs: [AgentOutput] = []
    /// Whether nothing is left of any call or transaction; for invariants of the simulator.
    public var isIdle: Bool { layer.isEmpty }
    /// Messages to send, in order.
    public var transmissions: [Transmission] { layer.transmissions }

    var layer: TransactionLayer

    /// A shard without endpoints. Times in results count from `startInstant`.
    public init(
        configuration: ShardConfiguration, secrets: SecretArena, hashes: HashFunctions, random: SeededRandom,
        startInstant: Instant
    ) {
        layer = TransactionLayer(timers: configuration.timers, random: random)
    }

    /// Lends the bytes of a message to send.
    public func withMessage<Result>(_ transmission: Transmission, _ body: (UnsafeRawBufferPointer) -> Result) -> Result
    {
        layer.writer.bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[transmission.range])) }
    }

    /// Forgets transmissions and outputs, once the driver has performed them.
    public func removeOutputs() {
        outputs.removeAll(keepingCapacity: true)
        layer.removeTransmissions()
    }

    /// Takes an endpoint in. It does nothing until commanded.
    public func add(_ plan: EndpointPlan) {}

    /// Does what it is told, or plans it.
    public func perform(_ command: AgentCommand, now: Instant) {}

    /// Takes in one whole SIP message: a datagram, or what a `StreamFramer` cut.
    public func receive(_ bytes: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress, now: Instant) {}

    /// A flow can be used from now on, and has this local address.
    public func flowOpened(_ flow: FlowID, local: TransportAddress, now: Instant) {}

    /// A flow could not be opened, or is gone.
    public func flowFailed(_ flow: FlowID, fault: TransportFault, now: Instant) {}

    /// A datagram was refused on its way (ICMP).
    public func sendRefused(flow: FlowID, destination: TransportAddress, fault: TransportFault, now: Instant) {}

    /// The last report of a stream, after `closeMedia`.
    public func mediaReported(stream: UInt64, report: StreamReport, now: Instant) {}

    /// Runs what is due.
    public func advance(to now: Instant) {}

    /// When `advance` must be called at the latest; nil when nothing is due.
    public var nextDeadline: Instant? { layer.nextDeadline }

    /// What happened since the last call, as the window of a second of the run.
    public func takeWindow(second: UInt32) -> Window { Window(second: second) }
}
