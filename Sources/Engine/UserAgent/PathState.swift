// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// Why a server is left for the next one (RFC 3263 §4.3).
enum ServerFailure: Hashable, Sendable {
    /// It could not be reached, or did not answer.
    case fault(TransportFault)
    /// It refused with a status that says so.
    case status(UInt16)
}

/// What is rarely needed of an endpoint's way to its servers; an endpoint whose server is simply there has none.
struct PathState: Sendable {
    /// What a flow was asked for.
    enum Purpose: Hashable, Sendable {
        /// The way to the server.
        case server
        /// A connection for requests that are too large for UDP.
        case largeRequests
    }

    var evidence = PathEvidence()
    /// Why the flow failed last, in a sentence, for what only begins afterwards.
    var failureDetail: String?
    /// Servers that failed since one last served.
    var tried = 0
    /// Rounds through all servers since a connection last held (RFC 5626 §4.5: consecutive failures).
    var rounds: UInt8 = 0
    /// Places of servers whose certificate is no good: trying again changes nothing.
    var excluded: UInt64 = 0
    /// A connection was lost, and no server has served since.
    var isRecovering = false
    /// The connection was open before it was lost.
    var wasOpen = false
    /// When a lost connection was last replaced at once.
    var replacedAt: Instant?
    /// Fires when all servers are tried again.
    var timer: TimerHandle?
    /// Flows that were asked for and have no number yet, in order.
    var asked: [Purpose] = []
    /// The server said that outbound cannot be had.
    var isOutboundRefused = false
    /// The address that the server sees.
    var publicAddress: TransportAddress?
    /// The address in Contact, where it is not the endpoint's own.
    var contactAddress: TransportAddress?
    /// The Contact before it, which the next REGISTER removes.
    var replacedContact: TransportAddress?
    var contactChanges = 0
    /// The next REGISTER is due at once.
    var wantsRebinding = false
    /// The connection for large requests.
    var side: LargeRequestFlow?

    /// How often the address in Contact follows what the server sees.
    static let mostContactChanges = 4

    /// Asks a server no more.
    mutating func exclude(_ place: Int) { excluded |= 1 << UInt64(place) }

    /// Whether a server is not asked any more: its certificate is no good, or it would be asked without TLS after that.
    func excludes(_ place: Int) -> Bool { excluded >> UInt64(place) & 1 == 1 }
}

extension TransportFault {
    /// Whether TLS itself failed, by chance or by somebody's doing.
    var spoilsSecurity: Bool { self == .tls || isLasting }

    /// Whether another try at the same server can only end the same way.
    var isLasting: Bool {
        switch self {
        case .certificateExpired, .certificateWrongHost, .certificateUntrusted, .certificateRefused: true
        case .refused, .reset, .unreachable, .connectTimeout, .silence, .tls, .webSocketRefused, .system: false
        }
    }
}

extension TransportAddress {
    /// Whether a socket of one address can reach the other.
    func isSameFamily(as other: TransportAddress) -> Bool {
        switch (ip, other.ip) {
        case (.v4, .v4), (.v6, .v6): true
        case (.v4, .v6), (.v6, .v4): false
        }
    }
}
