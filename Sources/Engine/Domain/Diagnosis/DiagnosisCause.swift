// SPDX-License-Identifier: Apache-2.0

/// Why endpoints failed. The raw value is the word in API and exports; docs/diagnosis.md explains each. Causes are only ever added.
public enum DiagnosisCause: String, Hashable, Sendable, Codable, CaseIterable {
    // The run.

    case insufficientAccounts = "insufficient_accounts"
    case systemLimit = "system_limit"

    // The way to the server.

    case noAnswer = "no_answer"
    case portClosed = "port_closed"
    case connectionLost = "connection_lost"
    case hostUnreachable = "host_unreachable"
    case certificateExpired = "certificate_expired"
    case certificateWrongHost = "certificate_wrong_host"
    case certificateUntrusted = "certificate_untrusted"
    case certificateRefused = "certificate_refused"
    case tlsFailed = "tls_failed"
    case webSocketRefused = "websocket_refused"
    case serverStopped = "server_stopped_answering"
    case serverRestarted = "server_restarted"
    case requestsDropped = "requests_dropped"
    case pathLost = "path_lost"

    // Registrations.

    case wrongCredentials = "wrong_credentials"
    case realmMismatch = "realm_mismatch"
    case unsupportedAuthentication = "unsupported_authentication"
    case authenticationCircle = "authentication_circle"
    case foreignChallenge = "foreign_challenge"
    case authenticationRateLimited = "authentication_rate_limited"
    case noncesInvalidated = "nonces_invalidated"
    case registrationForbidden = "registration_forbidden"
    case tooManyContacts = "too_many_contacts"
    case unknownUser = "unknown_user"
    case registrationRefused = "registration_refused"
    case registrationRedirected = "registration_redirected"
    case expiryTooBrief = "expiry_too_brief"
    case serverBusy = "server_busy"
    case refreshRefused = "refresh_refused"
    case accountInUse = "account_in_use_elsewhere"

    // Calls.

    case callCredentials = "call_credentials_rejected"
    case callRefused = "call_refused"
    case callOverload = "call_overload"
    case callUnanswered = "call_unanswered"
    case calleeBusy = "callee_busy"
    case calleeUnavailable = "callee_unavailable"
    case locationLost = "location_lost"
    case mediaRefused = "media_refused"
    case noCommonCodec = "no_common_codec"
    case callCutShort = "call_cut_short"
    case noAudio = "no_audio_received"

    case unknown = "unknown"
}

/// How sure a diagnosis is.
public enum DiagnosisConfidence: String, Hashable, Sendable, Codable, CaseIterable {
    /// What was seen has no other explanation that a user would act on.
    case certain
    /// The pattern fits, and another cause could look the same; the evidence says which.
    case likely
    /// No rule recognises it.
    case unknown
}
