// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP
import UserAgent

/// Keeps the messages of one shard's endpoints and hands over those worth reading, with what could be used to log in overwritten.
/// Confined to the shard's thread.
final class ShardTracer {
    /// Endpoints read out in one turn, so that a thousand that fail at once do not hold up what is due.
    private static let perTurn = 16

    private let tape: MessageTape
    private let settings: TraceSettings
    private let startInstant: Instant
    private let startedAt: UnixTime
    /// Endpoints that closed and whose traces are wanted.
    private var wanted: [(place: Int, endpoint: UInt32)] = []
    /// What may still be handed over, in bytes.
    private var left: Int

    /// A tracer for one of `shards` threads; nil where the system gives no memory for it.
    init?(_ settings: TraceSettings, shards: Int, startInstant: Instant, startedAt: UnixTime) {
        let tape = MessageTape(
            memory: settings.memory / shards, perEndpoint: settings.perEndpoint, perMessage: settings.perMessage)
        guard let tape else { return nil }
        self.tape = tape
        self.settings = settings
        self.startInstant = startInstant
        self.startedAt = startedAt
        left = settings.total / shards
    }

    /// Whether traces wait to be read out.
    var hasWork: Bool { !wanted.isEmpty }

    // MARK: Messages

    /// Keeps a message of an endpoint; keep-alives are none.
    func note(
        _ message: UnsafeRawBufferPointer, isSent: Bool, of subject: Subject, flow: FlowID, peer: TransportAddress,
        by agent: AgentShard, now: Instant
    ) {
        guard subject != .none, !Self.isKeepAlive(message) else { return }
        let way = agent.way(of: subject, on: flow)
        let entry = TapeEntry(
            at: now, local: way.local, remote: peer, length: 0, kept: 0, transport: way.transport.rawValue,
            isSent: isSent)
        tape.record(message, entry, in: Int(subject.raw))
    }

    /// STUN begins with a byte below 4 (RFC 8489 §5); line ends alone keep a flow open (RFC 5626 §4.4.1).
    private static func isKeepAlive(_ message: UnsafeRawBufferPointer) -> Bool {
        guard let first = message.first else { return true }
        return first < 0x20 && (message.count <= 4 || (first != 0x0D && first != 0x0A))
    }

    // MARK: Endpoints

    /// An endpoint is done: its messages are read out soon or forgotten now.
    func closed(_ result: EndpointResult, place: Int) {
        if result.outcome.severity >= 10 || settings.sample.contains(result.index) {
            wanted.append((place, result.index))
        } else {
            tape.discard(place)
        }
    }

    /// Reads out some of the endpoints that wait for it.
    func takeSome() -> [EndpointTrace] {
        let some = wanted.suffix(Self.perTurn)
        wanted.removeLast(some.count)
        return some.compactMap { trace(of: $0.endpoint, in: $0.place) }
    }

    /// Reads out what waits, and the endpoints in these places, which the shard leaves behind.
    func takeAll(_ open: [(place: Int, endpoint: UInt32)]) -> [EndpointTrace] {
        wanted += open
        defer { wanted = [] }
        return wanted.compactMap { trace(of: $0.endpoint, in: $0.place) }
    }

    private func trace(of endpoint: UInt32, in place: Int) -> EndpointTrace? {
        guard left > 0 else {
            tape.discard(place)
            return nil
        }
        var messages: [TracedMessage] = []
        let (hadAny, lostSome) = tape.close(place, last: settings.messages) { entry, bytes in
            Redaction.redact(bytes)
            messages.append(message(entry, UnsafeRawBufferPointer(bytes)))
            left -= MemoryLayout<TapeEntry>.size + bytes.count
        }
        guard hadAny || lostSome else { return nil }
        return EndpointTrace(endpoint: endpoint, startedAt: startedAt, isTruncated: lostSome, messages: messages)
    }

    private func message(_ entry: TapeEntry, _ bytes: UnsafeRawBufferPointer) -> TracedMessage {
        TracedMessage(
            at: entry.at - startInstant, isSent: entry.isSent, transport: TracedTransport(entry.transport),
            local: entry.local, remote: entry.remote, bytes: Array(bytes), length: Int(entry.length))
    }
}

extension TracedTransport {
    fileprivate init(_ raw: UInt8) {
        self =
            switch Transport(rawValue: raw) {
            case .tcp: .tcp
            case .tls: .tls
            case .ws: .ws
            case .wss: .wss
            case .udp, .other, nil: .udp
            }
    }
}
