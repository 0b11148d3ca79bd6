// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// Rules for what gets no answer.
extension DiagnosisRules {
    /// The server's program went away and came back.
    static let serverRestarted: Rule = { failure in
        guard let fault = failure.call?.transportFault ?? failure.registration.transportFault, fault.isProcessGone,
            let outage = failure.side.outage
        else { return nil }
        return restarted(failure, since: outage)
    }

    static func restarted(_ failure: FailureCase, since outage: Interval) -> Finding {
        var evidence = [
            "from \(outage.secondsText) on requests were refused: nothing listened, or it closed connections",
            "later requests were answered again",
        ]
        let forgotten = failure.side.forgottenNonces
        if forgotten > 0 { evidence.append("\(forgotten) endpoints found that it had forgotten its nonces") }
        return Finding(
            .serverRestarted, title: "The server was restarted during the run", evidence: evidence + failure.banner,
            remedy:
                "Look in the log of \(failure.server) why it stopped at that time: a crash, an update, a supervisor.")
    }

    /// Answers broke off while requests came fast: a limiter that says nothing, or a ban.
    static let requestsDropped: Rule = { failure in
        let isCall = failure.isRegistered && failure.call?.transportFault == .silence
        let isRegistration = !failure.isRegistered && failure.registration.transportFault == .silence
        guard isCall || isRegistration, let drops = isCall ? failure.side.callDrops : failure.side.drops,
            let first = drops.firstBad
        else { return nil }
        let at = isCall ? failure.call?.invitedAt : failure.registration.sentAt
        guard let at, at >= first, !isCall || failure.registration.unregistered == true else { return nil }
        let isOver = (failure.side.heardAt ?? .zero) > first + .seconds(2) || drops.badSpells > 1
        return Finding(
            .requestsDropped, isOver ? .certain : .likely, detail: isCall ? "calls" : "registrations",
            title: "The server stopped answering when requests came fast: a limiter that drops, or a ban",
            evidence: [
                "\(drops.good) were answered at once, \(drops.bad) only when sent again, or never",
                "it began at \(first.secondsText), at \(Int(drops.rate(before: first))) per second",
                isOver ? "requests were answered again later" : "nothing was answered after that until the end",
            ] + failure.banner,
            remedy:
                "Send slower (pacing: \(drops.suggestedRate)/s), or let the server's limiter or ban leave this worker's "
                + "address out" + (failure.registration.localAddress.map { " (\($0))" } ?? "") + "."
                + (isOver ? "" : " If the server was down at that time, its log says so."))
    }

    /// Registrations come through, what follows does not: the way was rewritten or lost.
    static let pathLost: Rule = { failure in
        guard failure.isRegistered, failure.registration.transportFault == nil, let call = failure.call,
            call.transportFault == .silence, call.role == .caller
        else { return nil }
        let isAlive =
            failure.registration.unregistered == true
            || (failure.registration.lastResponseAt ?? .zero) > (failure.lastFault?.at ?? .zero)
        let othersCall = failure.side.callsAnswered
        guard isAlive || (failure.result.path?.publicAddress != nil && othersCall > 0) else { return nil }
        let what = call.establishedAt == nil ? "INVITE" : "BYE"
        var evidence = ["REGISTER was answered before and after, \(what) got no answer of any kind"]
        if failure.result.path?.publicAddress == nil {
            evidence.append("the server saw this endpoint at its own address: no NAT rewrote it on the way there")
        }
        if othersCall > 0 { evidence.append("\(othersCall) other endpoints got answers to INVITE") }
        return Finding(
            .pathLost, failure.result.path?.publicAddress == nil ? .likely : .certain, detail: what,
            title: "Registration works, later requests vanish",
            evidence: evidence,
            remedy:
                "Look for a NAT or a gateway for SIP (ALG) on the way that forgot or changes the path: keep it open "
                + "('keepAlive: 20s' of the registrar), let the server answer to the address it saw (rport), switch the ALG off; "
                + "INVITE is larger than REGISTER, so try TCP as well.")
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
        var evidence = ["an earlier request was answered", seen]
        if let heard = failure.registration.lastResponseAt {
            evidence.append("the last answer to REGISTER came at \(heard.secondsText)")
        }
        return Finding(
            .serverStopped, detail: fault.rawValue, title: "The server answered first and then stopped answering",
            evidence: evidence,
            remedy:
                "Look whether \(failure.server) crashed or was restarted; if only some endpoints saw this, look for a NAT or "
                + "firewall that forgot the path, or a limiter that drops requests.")
    }

    static let portClosed: Rule = { failure in
        guard failure.registration.transportFault == .refused else { return nil }
        return Finding(
            .portClosed, title: "Nothing listens on the server's port",
            evidence: ["\(failure.server) refused: ICMP port unreachable, or TCP connection refused"],
            remedy:
                "Check the registrar's port and transport, that the SIP server is running, and that no firewall refuses."
        )
    }

    static let connectionLost: Rule = { failure in
        guard let fault = failure.registration.transportFault,
            fault == .reset || fault == .connectTimeout
        else { return nil }
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
            evidence: [
                "the network, or this machine's own packet filter, answered that there is no way to \(failure.server)"
            ],
            remedy: "Check the registrar's address, this machine's routes, and firewalls that reject.")
    }

    static let noAnswer: Rule = { failure in
        guard !failure.isRegistered, failure.registration.firstResponseAt == nil, failure.registration.attempts > 0,
            failure.registration.transportFault == .silence
        else { return nil }
        let side = failure.side
        var evidence = ["no answer of any kind to REGISTER, sent again \(failure.registration.retransmissions) times"]
        if side.answered > 0 { evidence.append("\(side.answered) of \(side.total) endpoints did get answers") }
        return Finding(
            .noAnswer, detail: side.answered > 0 ? "some" : "all",
            title: "The server did not answer at all", evidence: evidence,
            remedy: side.answered > 0
                ? "Others were answered all the time, so the path is open and it is not the rate: look for a rule of the server "
                    + "or of a firewall that drops these accounts."
                : "Check address, port and transport of \(failure.server), and that no firewall drops SIP: a closed port would "
                    + "have been refused.")
    }
}
