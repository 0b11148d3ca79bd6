// SPDX-License-Identifier: Apache-2.0

/// How far an endpoint has come; moves forward only (H2).
public enum EndpointPhase: UInt8, Sendable, CaseIterable, Comparable, Codable {
    case initializing, registered, calling, ringing, negotiating, inCall, disconnecting, closed

    /// The fixed name in API and exports.
    public var name: String {
        switch self {
        case .initializing: "INITIALIZING"
        case .registered: "REGISTERED"
        case .calling: "CALLING"
        case .ringing: "RINGING"
        case .negotiating: "NEGOTIATING"
        case .inCall: "INCALL"
        case .disconnecting: "DISCONNECTING"
        case .closed: "CLOSED"
        }
    }

    /// Earlier phases come first.
    public static func < (left: EndpointPhase, right: EndpointPhase) -> Bool { left.rawValue < right.rawValue }
}

/// What became of an endpoint. Set once, replaced only by a worse one (H2).
public enum EndpointOutcome: UInt8, Sendable, CaseIterable, Codable {
    case success, completedWithWarnings, notAttempted, registrationFailed, callFailed, negotiationFailed, timeout,
        osError,
        teardownError

    /// The fixed name in API and exports.
    public var name: String {
        switch self {
        case .success: "SUCCESS"
        case .completedWithWarnings: "COMPLETED_WITH_WARNINGS"
        case .notAttempted: "NOT_ATTEMPTED"
        case .registrationFailed: "REGISTRATION_FAILED"
        case .callFailed: "CALL_FAILED"
        case .negotiationFailed: "NEGOTIATION_FAILED"
        case .timeout: "TIMEOUT"
        case .osError: "OS_ERROR"
        case .teardownError: "TEARDOWN_ERROR"
        }
    }

    /// 0 for success, 1 for what is no failure of the endpoint itself, 10 for a failure.
    public var severity: Int {
        switch self {
        case .success: 0
        case .completedWithWarnings, .notAttempted: 1
        case .registrationFailed, .callFailed, .negotiationFailed, .timeout, .osError, .teardownError: 10
        }
    }

    /// Takes the new outcome if it is worse than this one.
    public mutating func worsen(to other: EndpointOutcome) {
        if other.severity > severity { self = other }
    }
}
