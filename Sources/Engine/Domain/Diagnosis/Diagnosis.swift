// SPDX-License-Identifier: Apache-2.0

public import RunMetrics

/// One cause with all the endpoints it explains (G2).
public struct Diagnosis: Hashable, Sendable, Codable {
    /// At most this many endpoints are listed; `count` has them all.
    public static let mostListed = 1_000

    /// What went wrong, as a fixed word.
    public var cause: DiagnosisCause
    /// How sure that is.
    public var confidence: DiagnosisConfidence
    /// Which product answered; the remedy speaks its language.
    public var server: ServerFamily
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
    ///
    /// - Parameter registrars: where each group's requests went, in words; groups with the same words share a server.
    public static func explain(_ results: [EndpointResult], registrars: [String: String] = [:]) -> [Diagnosis] {
        let view = RunView(results, registrars: registrars)
        var groups: [Finding.Key: Diagnosis] = [:]
        for result in results {
            guard let finding = find(in: result, view) else { continue }
            var group = groups[finding.key] ?? Diagnosis(finding)
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
        find(in: result, RunView(results, registrars: [:]))?.key.cause
    }

    /// The cause of each endpoint's failure in one pass; nil where there is none.
    ///
    /// - Parameter registrars: as for `explain`.
    public static func causes(of results: [EndpointResult], registrars: [String: String] = [:]) -> [DiagnosisCause?] {
        let view = RunView(results, registrars: registrars)
        return results.map { find(in: $0, view)?.key.cause }
    }

    private static func find(in result: EndpointResult, _ view: RunView) -> Finding? {
        let rules: [DiagnosisRules.Rule]
        switch result.outcome {
        case .success, .notAttempted: return nil
        case .completedWithWarnings: rules = DiagnosisRules.warnings
        default: rules = DiagnosisRules.failures
        }
        let failure = FailureCase(result: result, view: view)
        let found = rules.lazy.compactMap { $0(failure) }.first
        guard var finding = found ?? (result.outcome.severity < 10 ? nil : DiagnosisRules.unknown(failure)) else {
            return nil
        }
        finding.evidence += result.path?.sentences ?? []
        finding.key.server = failure.family
        if let words = ServerWords.remedy(finding.key.cause, on: failure.family) { finding.remedy += " " + words }
        return finding
    }

    private init(_ finding: Finding) {
        self.init(
            cause: finding.key.cause, confidence: finding.key.confidence, server: finding.key.server,
            title: finding.title, count: 0, evidence: finding.evidence, remedy: finding.remedy, endpoints: [])
    }

    /// A diagnosis from its parts.
    public init(
        cause: DiagnosisCause, confidence: DiagnosisConfidence, server: ServerFamily, title: String, count: Int,
        evidence: [String], remedy: String, endpoints: [UInt32]
    ) {
        self.cause = cause
        self.confidence = confidence
        self.server = server
        self.title = title
        self.count = count
        self.evidence = evidence
        self.remedy = remedy
        self.endpoints = endpoints
    }

    /// Reads also what was stored before confidence and server were said.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        cause = try fields.decode(DiagnosisCause.self, forKey: .cause)
        confidence =
            try fields.decodeIfPresent(DiagnosisConfidence.self, forKey: .confidence)
            ?? (cause == .unknown ? .unknown : .certain)
        server = try fields.decodeIfPresent(ServerFamily.self, forKey: .server) ?? .other
        title = try fields.decode(String.self, forKey: .title)
        count = try fields.decode(Int.self, forKey: .count)
        evidence = try fields.decode([String].self, forKey: .evidence)
        remedy = try fields.decode(String.self, forKey: .remedy)
        endpoints = try fields.decode([UInt32].self, forKey: .endpoints)
    }
}

/// What one rule found in one endpoint; findings with equal keys are one diagnosis.
struct Finding {
    struct Key: Hashable {
        var cause: DiagnosisCause
        /// What else must be equal to be the same cause: a status code, a realm.
        var detail: String
        var confidence: DiagnosisConfidence
        var server = ServerFamily.other
    }

    var key: Key
    var title: String
    var evidence: [String]
    var remedy: String

    init(
        _ cause: DiagnosisCause, _ confidence: DiagnosisConfidence = .certain, detail: String = "", title: String,
        evidence: [String], remedy: String
    ) {
        key = Key(cause: cause, detail: detail, confidence: confidence)
        self.title = title
        self.evidence = evidence
        self.remedy = remedy
    }
}
