// SPDX-License-Identifier: Apache-2.0

import RunMetrics

/// The rules, most specific first; the first that recognises a failure explains it.
enum DiagnosisRules {
    typealias Rule = @Sendable (FailureCase) -> Finding?

    static let all: [Rule] = [
        systemLimit, realmMismatch, unsupportedAuthentication, notSecured, redirectTarget, serverStopped, portClosed,
        connectionLost, hostUnreachable,
        noAnswer, authenticationCircle, foreignChallenge, wrongCredentials, registrationForbidden, unknownUser,
        registrationRedirected, expiryTooBrief, serverBusy, registrationRefused, refreshRefused, noCommonCodec,
        callRefused,
        callUnanswered,
    ]

    static func status(_ status: SIPStatus) -> String {
        status.reason.isEmpty ? "\(status.code)" : "\(status.code) \(status.reason)"
    }

    static func banner(_ server: String?) -> [String] { server.map { ["the server calls itself \($0)"] } ?? [] }

    static let systemLimit: Rule = { failure in
        guard failure.registration.transportFault == .system || failure.call?.transportFault == .system else {
            return nil
        }
        return Finding(
            .systemLimit, title: "This machine ran out of sockets, ports or memory",
            evidence: ["the operating system refused to open or use a socket"],
            remedy: "Lower the number of endpoints, use 'flow: shared', or raise the limit of open files (ulimit -n).")
    }

    static let realmMismatch: Rule = { failure in
        guard !failure.isRegistered, let realm = failure.registration.missingRealm else { return nil }
        let offered = failure.registration.offeredRealms.map { "'\($0)'" }.joined(separator: ", ")
        return Finding(
            .realmMismatch, detail: realm + offered, title: "The account's realm is not the one the server asks for",
            evidence: ["the account is bound to the realm '\(realm)'", "the server offered \(offered)"],
            remedy: "Set the account's realm to \(offered), or leave it empty to take it from the challenge.")
    }

    static let unsupportedAuthentication: Rule = { failure in
        guard !failure.isRegistered, failure.registration.unsupportedChallenge else { return nil }
        return Finding(
            .unsupportedAuthentication, title: "The server asks for an authentication this program does not have",
            evidence: ["no offered challenge was Digest with MD5, SHA-256 or SHA-512-256"],
            remedy: "Let the server offer Digest with one of these algorithms.")
    }

    static let serverStopped: Rule = { failure in
        guard failure.isRegistered || failure.registration.firstResponseAt != nil,
            let fault = failure.call?.transportFault ?? failure.registration.transportFault
        else { return nil }
        let seen =
            switch fault {
            case .refused: "its port is closed now"
            case .reset: "it closed the connection"
            case .unreachable: "its host is unreachable now"
            case .silence, .connectTimeout: "later requests got no answer within their time (32 s)"
            case .tls, .certificateExpired, .certificateWrongHost, .certificateUntrusted, .certificateRefused,
                .webSocketRefused, .system:
                "the connection failed"
            }
        return Finding(
            .serverStopped, detail: fault.rawValue, title: "The server answered first and then stopped answering",
            evidence: ["an earlier request was answered", seen],
            remedy:
                "Look whether \(failure.server) crashed or was restarted; if only some endpoints saw this, look for a NAT or "
                + "firewall that forgot the path, or a limiter that drops requests.")
    }

    static let portClosed: Rule = { failure in
        guard failure.registration.transportFault == .refused else { return nil }
        return Finding(
            .portClosed, title: "Nothing listens on the server's port",
            evidence: ["\(failure.server) refused: ICMP port unreachable, or TCP connection refused"],
            remedy: "Check the registrar's port and transport, and that the SIP server is running.")
    }

    static let connectionLost: Rule = { failure in
        guard let fault = failure.registration.transportFault,
            fault == .reset || fault == .connectTimeout
        else {
            return nil
        }
        let seen =
            failure.registration.transportDetail
            ?? (fault == .reset
                ? "the peer closed the connection before it answered" : "the connection attempt got no answer")
        return Finding(
            .connectionLost, detail: fault.rawValue, title: "The connection to the server did not hold",
            evidence: [seen],
            remedy:
                "Check that \(failure.server) accepts this transport from this address, and that no firewall is between."
        )
    }

    static let hostUnreachable: Rule = { failure in
        guard failure.registration.transportFault == .unreachable else { return nil }
        return Finding(
            .hostUnreachable, title: "The server's host cannot be reached",
            evidence: ["the network answered that there is no way to \(failure.server)"],
            remedy: "Check the registrar's address and this machine's routes.")
    }

    static let noAnswer: Rule = { failure in
        guard !failure.isRegistered, failure.registration.firstResponseAt == nil, failure.registration.attempts > 0,
            failure.registration.transportFault == .silence
        else { return nil }
        var evidence = ["no answer of any kind to REGISTER, sent again \(failure.registration.retransmissions) times"]
        if failure.siblings.answered > 0 {
            evidence.append("\(failure.siblings.answered) of \(failure.siblings.total) endpoints did get answers")
        }
        return Finding(
            .noAnswer, detail: failure.siblings.answered > 0 ? "some" : "all",
            title: "The server did not answer at all", evidence: evidence,
            remedy: failure.siblings.answered > 0
                ? "Others were answered, so the path is open: look for a limiter or ban on the server, and try a slower pacing."
                : "Check address, port and transport of \(failure.server), and that no firewall drops SIP.")
    }

    static let wrongCredentials: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus,
            final.code == 401 || final.code == 407,
            failure.registration.credentialsSent
        else { return nil }
        return Finding(
            .wrongCredentials, detail: "\(final.code)", title: "Wrong password, or a user the server does not know",
            evidence: ["REGISTER with credentials was answered \(status(final)) again"]
                + notes(failure) + banner(failure.registration.server),
            remedy: "Compare username and password with the server's configuration; case matters. Many servers answer "
                + "\(final.code) for an unknown user too.")
    }

    static let registrationForbidden: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, final.code == 403 else { return nil }
        return Finding(
            .registrationForbidden, title: "The server forbids this account or this address to register",
            evidence: ["REGISTER was answered \(status(final))"] + banner(failure.registration.server),
            remedy: "Enable the account on the server, and allow the address of this worker there.")
    }

    static let unknownUser: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, final.code == 404 else { return nil }
        return Finding(
            .unknownUser, title: "The server does not know this user",
            evidence: ["REGISTER was answered \(status(final))"] + banner(failure.registration.server),
            remedy: "Provision the account on the server; look for a typing error in the username or the domain.")
    }

    static let registrationRefused: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, final.code >= 300,
            final.code != 401 && final.code != 407
        else { return nil }
        let wait = failure.registration.retryAfter.map { ["it asked to wait \($0) s"] } ?? []
        return Finding(
            .registrationRefused, detail: "\(final.code)", title: "The server refused to register: \(status(final))",
            evidence: ["REGISTER was answered \(status(final))"] + wait + notes(failure)
                + banner(failure.registration.server),
            remedy: "Look up the code in the server's log; a 5xx or 480 under load means that it is overloaded.")
    }

    static let noCommonCodec: Rule = { failure in
        guard let call = failure.call, let problem = call.negotiationProblem else { return nil }
        return Finding(
            .noCommonCodec, detail: problem, title: "Both sides could not agree on the audio", evidence: [problem],
            remedy: "Allow PCMU or PCMA for these accounts on the server, or change the group's codec.")
    }

    static let callRefused: Rule = { failure in
        guard let call = failure.call, call.establishedAt == nil, let final = call.finalStatus, final.code >= 300 else {
            return nil
        }
        let words = [call.reason, call.warning].compactMap { $0 }
        return Finding(
            .callRefused, detail: "\(final.code)", title: "The call was refused: \(status(final))",
            evidence: ["INVITE was answered \(status(final)), for example to \(call.target)"] + words
                + banner(call.server),
            remedy: callRemedy(final.code))
    }

    private static func callRemedy(_ code: UInt16) -> String {
        switch code {
        case 401, 407: "The account may register but not call: check its password for calls and its permissions."
        case 403: "The dial plan does not let this account call this target: allow it on the server."
        case 404, 484: "The server has no such target: check the number and the dial plan."
        case 408, 480: "The called side is not registered or did not answer: check the callee."
        case 486, 600: "The called side is busy: an account in use elsewhere, or more calls than it allows."
        case 488, 606: "The media offered is not accepted: check the codecs that the server allows."
        case 503: "The server or its trunk is overloaded or has no free channel."
        default: "Look up the code in the server's log."
        }
    }

    static let callUnanswered: Rule = { failure in
        guard let call = failure.call, call.establishedAt == nil, call.invitedAt != nil, call.finalStatus == nil else {
            return nil
        }
        return Finding(
            .callUnanswered, title: "The call was not answered in time",
            evidence: [call.ringingAt == nil ? "INVITE got no ringing and no answer" : "it rang, but nobody answered"],
            remedy: "Check that the callee is registered and answers, and that the server routes the call to it.")
    }

    static func unknown(_ failure: FailureCase) -> Finding {
        let final = failure.call?.finalStatus ?? failure.registration.finalStatus
        var evidence = ["outcome \(failure.result.outcome.name) in phase \(failure.result.phase.name)"]
        if let final { evidence.append("last final answer \(status(final))") }
        return Finding(
            .unknown, detail: "\(failure.result.outcome.name) \(final?.code ?? 0)",
            title: "No rule recognises this failure",
            evidence: evidence, remedy: "Open an endpoint's result and compare it with the server's log.")
    }
}
