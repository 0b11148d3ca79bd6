// SPDX-License-Identifier: Apache-2.0

/// The SIP messages of one endpoint, oldest first.
public struct Trace: Codable, Sendable, Hashable {
    /// The endpoint's place in the run, from 0.
    public var endpoint: Int
    /// When the run started, from which `ms` counts.
    public var startedAt: String
    /// Whether there were more messages than were kept; the newest are.
    public var truncated: Bool
    /// The messages.
    public var messages: [TraceMessage]

    /// A trace from its parts.
    public init(endpoint: Int, startedAt: String, truncated: Bool, messages: [TraceMessage]) {
        self.endpoint = endpoint
        self.startedAt = startedAt
        self.truncated = truncated
        self.messages = messages
    }
}

/// One SIP message as it went over the wire, digest answers overwritten with `*`.
public struct TraceMessage: Codable, Sendable, Hashable {
    /// The moment, with its date.
    public var at: String
    /// Milliseconds since the run's start.
    public var ms: Double
    /// Whether the endpoint sent it.
    public var sent: Bool
    /// `UDP`, `TCP`, `TLS`, `WS` or `WSS`.
    public var transport: String
    /// The endpoint's address and port.
    public var local: String
    /// The other side's address and port.
    public var remote: String
    /// The message's length in bytes.
    public var length: Int
    /// The message; only its beginning where `length` is more.
    public var text: String

    /// A message from its parts.
    public init(
        at: String, ms: Double, sent: Bool, transport: String, local: String, remote: String, length: Int, text: String
    ) {
        self.at = at
        self.ms = ms
        self.sent = sent
        self.transport = transport
        self.local = local
        self.remote = remote
        self.length = length
        self.text = text
    }
}
