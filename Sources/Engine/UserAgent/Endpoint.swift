// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// What an endpoint is from the beginning to the end. A class, so that handing it on costs one count and no copy.
final class EndpointIdentity: Sendable {
    let plan: EndpointPlan
    /// The REGISTER's Request-URI; shared by all endpoints of a domain.
    let registrarURI: [UInt8]
    /// The user of the address-of-record as a URI writes it, escaped where it must be.
    let userPart: [UInt8]
    /// The user of Contact, by which requests of peers find the endpoint on a shared flow.
    let contactUser: [UInt8]

    init(_ plan: EndpointPlan, registrarURI: [UInt8], userPart: [UInt8], contactUser: [UInt8]) {
        self.plan = plan
        self.registrarURI = registrarURI
        self.userPart = userPart
        self.contactUser = contactUser
    }
}

/// One endpoint of a shard.
struct Endpoint: Sendable {
    /// How far its life is.
    enum Stage: Hashable, Sendable {
        case active
        /// Told to finish: ends its call, then its registration.
        case finishing
        /// Its result was given.
        case closed
    }

    /// Whether its flow can be used.
    enum Path: Hashable, Sendable {
        /// A connection that is not open yet.
        case opening
        case open
        /// Every server failed; after a while they are tried again (RFC 5626 §4.5).
        case waiting(TransportFault)
        case failed(TransportFault)

        /// Why there is no server to send to now; nil when there is one, or may be in a moment.
        var fault: TransportFault? {
            switch self {
            case .opening, .open: nil
            case .waiting(let fault), .failed(let fault): fault
            }
        }
    }

    let identity: EndpointIdentity
    /// Where its group's counts stand in the shard.
    let group: Int
    /// The address in Via and Contact.
    var local: TransportAddress
    /// The socket or connection it sends on.
    var flow: FlowID
    /// Which server it uses: 0 is the plan's registrar, n the n-th of its fallbacks.
    var serverPlace: UInt8 = 0
    var path: Path
    /// Whether its flow is kept open in its name too.
    var keepsFlow = false
    var stage: Stage = .active
    var registration: Registration
    var evidence = RegistrationEvidence()
    var calls: [CallEvidence] = []
    var phase = EndpointPhase.initializing
    var outcome = EndpointOutcome.success
    var partner: UInt32?
    /// Answers beside the plain course; nil on nearly all endpoints.
    var steps: [Step]?
    /// The call that is going on.
    var call: SlabHandle?
    /// The call whose peer asked for the present one (REFER).
    var referringCall: SlabHandle?
    /// The call before it, whose media report is awaited.
    var endedCall: SlabHandle?
    /// Calls of the schedule that were never begun.
    var missedCalls: UInt32 = 0
    /// Commands that wait for the flow.
    var waiting: [AgentCommand] = []

    init(_ identity: EndpointIdentity, group: Int, random: inout SeededRandom) {
        self.identity = identity
        self.group = group
        local = identity.plan.told(identity.plan.localAddress)
        flow = identity.plan.flow
        path = identity.plan.localAddress.port == 0 ? .opening : .open
        registration = Registration(expires: identity.plan.expires, random: &random)
    }

    /// What it was told to be.
    var plan: EndpointPlan { identity.plan }

    /// Where its requests go.
    var server: TransportAddress {
        serverPlace == 0 ? plan.registrar : plan.fallbacks[Int(serverPlace) - 1].address
    }

    /// How they go.
    var transport: Transport { serverPlace == 0 ? plan.transport : plan.fallbacks[Int(serverPlace) - 1].transport }

    /// The server and its transport.
    var target: ServerTarget { ServerTarget(address: server, transport: transport) }

    /// Its result as it stands.
    func result(path: PathEvidence?) -> EndpointResult {
        var result = EndpointResult(
            index: plan.index, group: plan.group, username: String(decoding: plan.username, as: UTF8.self))
        result.phase = phase
        result.outcome = outcome
        result.registration = evidence
        result.calls = calls
        result.path = path
        result.partner = partner
        result.steps = steps
        result.notAttempted = missedCalls
        return result
    }
}

/// The user part of a SIP URI (RFC 3261 §25.1).
enum UserPart {
    /// The user as a URI writes it: everything but unreserved and user-unreserved characters percent-escaped.
    static func escaped(_ user: [UInt8]) -> [UInt8] {
        guard !user.allSatisfy(isPlain) else { return user }
        var escaped: [UInt8] = []
        for byte in user {
            if isPlain(byte) {
                escaped.append(byte)
            } else {
                escaped += [0x25, upperHex(byte >> 4), upperHex(byte & 15)]
            }
        }
        return escaped
    }

    private static func upperHex(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x2D, 0x5F, 0x2E, 0x21, 0x7E, 0x2A, 0x27, 0x28, 0x29: true
        case 0x26, 0x3D, 0x2B, 0x24, 0x2C, 0x3B, 0x3F, 0x2F: true
        default: false
        }
    }
}
