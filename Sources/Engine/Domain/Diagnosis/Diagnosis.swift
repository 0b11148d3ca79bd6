// SPDX-License-Identifier: Apache-2.0

public import RunMetrics

/// Why endpoints failed. The raw value is the word in API and exports.
public enum DiagnosisCause: String, Hashable, Sendable, Codable, CaseIterable {
    case wrongCredentials = "wrong_credentials"
    case realmMismatch = "realm_mismatch"
    case unsupportedAuthentication = "unsupported_authentication"
    case authenticationCircle = "authentication_circle"
    case foreignChallenge = "foreign_challenge"
    case registrationForbidden = "registration_forbidden"
    case unknownUser = "unknown_user"
    case registrationRefused = "registration_refused"
    case registrationRedirected = "registration_redirected"
    case expiryTooBrief = "expiry_too_brief"
    case serverBusy = "server_busy"
    case refreshRefused = "refresh_refused"
    case noAnswer = "no_answer"
    case portClosed = "port_closed"
    case connectionLost = "connection_lost"
    case certificateExpired = "certificate_expired"
    case certificateWrongHost = "certificate_wrong_host"
    case certificateUntrusted = "certificate_untrusted"
    case certificateRefused = "certificate_refused"
    case tlsFailed = "tls_failed"
    case webSocketRefused = "websocket_refused"
    case hostUnreachable = "host_unreachable"
    case serverStopped = "server_stopped_answering"
    case callRefused = "call_refused"
    case callUnanswered = "call_unanswered"
    case noCommonCodec = "no_common_codec"
    case systemLimit = "system_limit"
    case unknown = "unknown"
}

/// One cause with all the endpoints it explains (G2).
public struct Diagnosis: Hashable, Sendable, Codable {
    /// At most this many endpoints are listed; `count` has them all.
    public static let mostListed = 1_000

    /// What went wrong, as a fixed word.
    public var cause: DiagnosisCause
    /// One sentence a person reads first.
    public var title: String
    /// How many endpoints it explains.
    public var count: Int
    /// What was seen, each line a fact.
    public var evidence: [String]
    /// What to do.
    public var remedy: String
    /// The endpoints, by place in the run.
    public var endpoints: [UInt32]

    /// Explains the failed endpoints of a run, most frequent cause first.
    ///
    /// An endpoint that was not attempted never has a diagnosis of its own: its partner's explains it. What no rule recognises
    /// is said to be unknown; nothing is guessed.
    public static func explain(_ results: [EndpointResult], registrars: [String: String] = [:]) -> [Diagnosis] {
        let siblings = Siblings(results)
        var groups: [Finding.Key: Diagnosis] = [:]
        for result in results {
            guard let finding = find(in: result, siblings: siblings, registrar: registrars[result.group]) else {
                continue
            }
            var group =
                groups[finding.key]
                ?? Diagnosis(
                    cause: finding.key.cause, title: finding.title, count: 0, evidence: finding.evidence,
                    remedy: finding.remedy, endpoints: [])
            group.count += 1
            if group.endpoints.count < mostListed { group.endpoints.append(result.index) }
            groups[finding.key] = group
        }
        return groups.values.sorted {
            ($1.count, $0.cause.rawValue, $0.title) < ($0.count, $1.cause.rawValue, $1.title)
        }
    }

    /// The cause of one endpoint's failure; nil when it did not fail.
    public static func cause(of result: EndpointResult, among results: [EndpointResult]) -> DiagnosisCause? {
        find(in: result, siblings: Siblings(results), registrar: nil)?.key.cause
    }

    /// The cause of each endpoint's failure in one pass; nil where there is none.
    public static func causes(of results: [EndpointResult]) -> [DiagnosisCause?] {
        let siblings = Siblings(results)
        return results.map { find(in: $0, siblings: siblings, registrar: nil)?.key.cause }
    }

    private static func find(in result: EndpointResult, siblings: Siblings, registrar: String?) -> Finding? {
        guard result.outcome.severity >= 10 else { return nil }
        let case_ = FailureCase(result: result, siblings: siblings, registrar: registrar)
        var finding = DiagnosisRules.all.lazy.compactMap { $0(case_) }.first ?? DiagnosisRules.unknown(case_)
        finding.evidence += result.path?.sentences ?? []
        return finding
    }
}

/// What the other endpoints of the run tell about one that failed.
struct Siblings {
    let registered: Int
    let answered: Int
    let total: Int

    init(_ results: [EndpointResult]) {
        registered = results.count { $0.registration.registeredAt != nil }
        answered = results.count { $0.registration.firstResponseAt != nil }
        total = results.count
    }
}

/// One failed endpoint with all that a rule may look at.
struct FailureCase {
    let result: EndpointResult
    let siblings: Siblings
    /// Where its requests went, in words; nil when not known.
    let registrar: String?

    var registration: RegistrationEvidence { result.registration }
    var isRegistered: Bool { result.registration.registeredAt != nil }
    /// The call that failed: the last one that was not established, else the last.
    var call: CallEvidence? { result.calls.last { $0.establishedAt == nil } ?? result.calls.last }
    var server: String { registrar ?? "the server" }
}

/// What one rule found in one endpoint; findings with equal keys are one diagnosis.
struct Finding {
    struct Key: Hashable {
        var cause: DiagnosisCause
        /// What else must be equal to be the same cause: a status code, a realm.
        var detail: String
    }

    var key: Key
    var title: String
    var evidence: [String]
    var remedy: String

    init(_ cause: DiagnosisCause, detail: String = "", title: String, evidence: [String], remedy: String) {
        key = Key(cause: cause, detail: detail)
        self.title = title
        self.evidence = evidence
        self.remedy = remedy
    }
}
