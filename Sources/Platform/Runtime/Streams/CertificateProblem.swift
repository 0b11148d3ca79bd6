// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import RunMetrics
import SwiftASN1
import X509

/// What is wrong with a peer's certificate.
struct CertificateProblem: Error, Hashable, Sendable {
    let fault: TransportFault
    /// The same in a sentence without a full stop.
    let detail: String
}

/// Judges the chain that a server showed: its dates, who issued it, and whom it is for (RFC 5280 §6, RFC 5922 §7).
struct CertificateJudge: Sendable {
    let roots: CertificateStore
    /// Certificates believed as they are, whoever issued them: those of an own file, which for many servers is the server's itself.
    let pinned: [Certificate]
    /// The name asked for.
    let name: String

    /// What is wrong with the chain, the leaf first, at this time; nil where nothing is.
    func problem(with chain: [Certificate], at now: Date) async -> CertificateProblem? {
        guard let leaf = chain.first else {
            return CertificateProblem(fault: .certificateUntrusted, detail: "the server showed no certificate")
        }
        let stranger = wrongName(leaf)
        var problem = outOfDate(chain, now)
        if problem == nil { problem = await untrusted(chain) }
        if let problem {
            guard let stranger else { return problem }
            return CertificateProblem(fault: problem.fault, detail: "\(problem.detail); also, \(stranger.detail)")
        }
        return stranger
    }

    private func outOfDate(_ chain: [Certificate], _ now: Date) -> CertificateProblem? {
        for (place, certificate) in chain.enumerated() {
            let which = place == 0 ? "the server's certificate" : "the certificate of its issuer \(certificate.subject)"
            if certificate.notValidAfter < now {
                return CertificateProblem(
                    fault: .certificateExpired, detail: "\(which) expired on \(Self.day(certificate.notValidAfter))")
            }
            if certificate.notValidBefore > now {
                return CertificateProblem(
                    fault: .certificateExpired,
                    detail:
                        "\(which) is not valid before \(Self.day(certificate.notValidBefore)); this machine's clock says "
                        + Self.day(now))
            }
        }
        return nil
    }

    private func untrusted(_ chain: [Certificate]) async -> CertificateProblem? {
        let leaf = chain[0]
        guard !pinned.contains(leaf) else { return nil }
        var verifier = Verifier(rootCertificates: roots) {
            RFC5280Policy()
            JudgedElsewhere()
        }
        let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(chain.dropFirst()))
        guard case .couldNotValidate(let failures) = result else { return nil }
        let detail: String
        if leaf.issuer == leaf.subject {
            detail = "the server's certificate is self-signed (\(leaf.subject)) and not among those trusted here"
        } else if let failure = failures.first {
            detail = "the server's certificate was refused: \(failure.policyFailureReason)"
        } else {
            let issuer = (chain.last { $0.issuer != $0.subject } ?? leaf).issuer
            detail = "the server's certificate was issued by \(issuer), which is not trusted here"
        }
        return CertificateProblem(fault: .certificateUntrusted, detail: detail)
    }

    private func wrongName(_ leaf: Certificate) -> CertificateProblem? {
        let names = CertificateNames(leaf)
        guard !names.contains(name) else { return nil }
        return CertificateProblem(
            fault: .certificateWrongHost, detail: "the server's certificate is for \(names.text), not for \(name)")
    }

    private static func day(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle().year().month().day())
    }
}

/// Names and usages may be marked critical; names are judged by `CertificateNames`.
private struct JudgedElsewhere: VerifierPolicy {
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
        .X509ExtensionID.subjectAlternativeName, .X509ExtensionID.extendedKeyUsage, .X509ExtensionID.keyUsage,
    ]

    mutating func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) -> PolicyEvaluationResult {
        .meetsPolicy
    }
}
