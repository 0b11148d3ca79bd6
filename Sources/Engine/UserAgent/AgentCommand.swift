// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Media
public import RunMetrics
public import SIP

/// Whom to call.
public enum CallTarget: Hashable, Sendable {
    /// A SIP URI, `sip:user@domain`.
    case uri([UInt8])
}

/// What endpoints are told to do. Commands to an endpoint that is closed or unknown are ignored.
public enum AgentCommand: Hashable, Sendable {
    /// Register at a moment; one that has passed is now, and the delay counts from it all the same.
    case register(endpoint: UInt32, at: Instant)
    /// Call at a moment. Who is busy then does not: the call is counted, and told by `callMissed`. Order several by their moments.
    case call(endpoint: UInt32, target: CallTarget, at: Instant)
    /// End the present call: BYE, CANCEL or a refusal.
    case hangUp(endpoint: UInt32)
    /// End the call, un-register, report `closed`.
    case finish(endpoint: UInt32)
    /// `finish` for all; what is not closed at the deadline is closed then, without answers.
    case finishAll(deadline: Instant)
    /// Put the call on hold with a re-INVITE (RFC 3264 §8.4). Waits for a change of the session that is under way.
    case hold(endpoint: UInt32)
    /// Take the call off hold with a re-INVITE.
    case resume(endpoint: UInt32)
    /// Refresh the session: UPDATE without a description where the peer allows it, else a re-INVITE with the same one.
    case refreshSession(endpoint: UInt32)
    /// Ask the peer to call this SIP URI instead (blind transfer, RFC 3515); the call ends when the peer reports success.
    case transfer(endpoint: UInt32, to: [UInt8])
    /// Send a DTMF digit, 0…9, A…D, * or #, in an INFO of type application/dtmf-relay.
    case sendDigit(endpoint: UInt32, digit: UInt8)
    /// `finish` for an endpoint that was not tried because of its partner: its outcome is NOT_ATTEMPTED (H2).
    case abandon(endpoint: UInt32, partner: UInt32?)
}

/// What happened to endpoints.
public enum AgentEvent: Hashable, Sendable {
    /// The first registration succeeded.
    case registered(endpoint: UInt32, at: Instant)
    /// The server holds this Contact for so many seconds; told at each registration when `ShardConfiguration.reportsBindings` is set.
    case bound(endpoint: UInt32, contact: [UInt8], expires: UInt32)
    /// The first registration failed, or a later one and with it the endpoint.
    case registrationFailed(endpoint: UInt32, at: Instant)
    /// The call rings at the other side (caller) or here (callee).
    case ringing(endpoint: UInt32)
    /// The call is up.
    case established(endpoint: UInt32)
    /// The call is over; `succeeded` when it was up and ended as it should.
    case callEnded(endpoint: UInt32, succeeded: Bool)
    /// A call was due while the endpoint was busy with another one, and was not attempted.
    case callMissed(endpoint: UInt32)
    /// The endpoint came further (H2).
    case phase(endpoint: UInt32, EndpointPhase)
    /// The endpoint is done; sent exactly once.
    indirect case closed(EndpointResult)
}

/// What the driver does for a shard, besides sending its `transmissions`.
public enum AgentOutput: Hashable, Sendable {
    /// Open a flow to a server for an endpoint: another try, the next server, another transport. The driver answers at once with
    /// `flowAssigned`, later with `flowOpened` or `flowFailed`.
    case openFlow(endpoint: UInt32, ServerTarget)
    /// Close a flow that no endpoint needs any more.
    case closeFlow(FlowID)
    /// Begin to send and receive on a stream.
    case openMedia(stream: UInt64, NegotiatedAudio)
    /// The peer changed the session.
    case updateMedia(stream: UInt64, NegotiatedAudio)
    /// Stop, and answer with `mediaReported`.
    case closeMedia(stream: UInt64)
    /// Tell whoever conducts the endpoints.
    case event(AgentEvent)
}
