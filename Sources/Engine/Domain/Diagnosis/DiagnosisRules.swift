// SPDX-License-Identifier: Apache-2.0

import RunMetrics

/// The rules, most specific first; the first that recognises a failure explains it.
enum DiagnosisRules {
    typealias Rule = @Sendable (FailureCase) -> Finding?

    /// For endpoints that failed.
    static let failures: [Rule] = [
        systemLimit, realmMismatch, unsupportedAuthentication, notSecured, redirectTarget,
        serverRestarted, requestsDropped, pathLost, serverStopped, portClosed, connectionLost, hostUnreachable,
        noAnswer,
        authenticationCircle, foreignChallenge, rateLimited, wrongCredentials,
        tooManyContacts, registrationForbidden, unknownUser, registrationRedirected, expiryTooBrief, serverBusy,
        registrationRefused, refreshRateLimited, refreshRefused,
        noCommonCodec, callUnanswered, calleeInUse, locationLost, callRateLimited, callCredentials, calleeBusy,
        calleeUnavailable,
        mediaRefused, callOverload, callRefused,
    ]

    /// For endpoints that did their part and met what their user should know.
    static let warnings: [Rule] = [restartSeen, noncesInvalidated, accountInUse, callCutShort, noAudio]

    static func status(_ status: SIPStatus) -> String {
        status.reason.isEmpty ? "\(status.code)" : "\(status.code) \(status.reason)"
    }

    static let systemLimit: Rule = { failure in
        guard failure.registration.transportFault == .system || failure.call?.transportFault == .system else {
            return nil
        }
        return Finding(
            .systemLimit, title: "This machine ran out of sockets, ports or memory",
            evidence: ["the operating system refused to open or use a socket"],
            remedy: "Lower the number of endpoints, use 'flow: shared', or raise the limit of open files (ulimit -n).")
    }

    /// Nothing is guessed: the endpoint's own course is shown.
    static func unknown(_ failure: FailureCase) -> Finding {
        let final = failure.call?.finalStatus ?? failure.registration.finalStatus
        var evidence = ["outcome \(failure.result.outcome.name) in phase \(failure.result.phase.name)"]
        if let final { evidence.append("last final answer \(status(final))") }
        evidence += failure.result.ladder
        return Finding(
            .unknown, .unknown, detail: "\(failure.result.outcome.name) \(final?.code ?? 0)",
            title: "No rule recognises this failure",
            evidence: evidence,
            remedy:
                "The evidence shows what one endpoint sent and got; open its trace and compare it with the server's log."
        )
    }
}
