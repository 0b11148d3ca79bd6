// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A request of an endpoint and what became of it. Only steps beside the plain course are kept: an endpoint on which all went as it
/// should has none.
public struct Step: Hashable, Sendable, Codable {
    /// The request.
    public enum Method: String, Hashable, Sendable, Codable {
        case register = "REGISTER"
        /// A REGISTER that renews a binding.
        case refresh = "REGISTER (refresh)"
        /// A REGISTER that removes a binding.
        case unregister = "REGISTER (removal)"
        case invite = "INVITE"
        case bye = "BYE"
    }

    /// When the answer came, or was given up; counted from the run's start instant.
    public var at: Interval
    /// The request.
    public var method: Method
    /// The answer's status; 0 when none came.
    public var status: UInt16
    /// What the network said instead of an answer; nil when there was one, or nobody said anything.
    public var fault: TransportFault?

    /// A step from its parts.
    public init(at: Interval, method: Method, status: UInt16, fault: TransportFault? = nil) {
        self.at = at
        self.method = method
        self.status = status
        self.fault = fault
    }
}

/// What a server did with credentials that it refused for good.
public enum NonceAfterRefusal: String, Hashable, Sendable, Codable {
    /// It sent the challenge again that was just answered: it has judged the answer (RFC 7616 §3.3).
    case same
    /// It sent another nonce each time.
    case new
}

extension EndpointResult {
    /// Steps kept: enough to see what went on, bounded for endpoints that are held for days.
    public static let mostSteps = 24
}
