// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// Rules for calls that were refused or not answered.
extension DiagnosisRules {
    static let noCommonCodec: Rule = { failure in
        guard let call = failure.call, let problem = call.negotiationProblem else { return nil }
        return Finding(
            .noCommonCodec, detail: problem, title: "Both sides could not agree on the audio", evidence: [problem],
            remedy: "Allow PCMU or PCMA for these accounts on the server, or change the group's codec.")
    }

    /// It rang, or not even that, until this side gave up; 487 is then only the echo of our CANCEL.
    static let callUnanswered: Rule = { failure in
        guard let call = failure.call, call.role == .caller, call.establishedAt == nil, call.invitedAt != nil,
            call.transportFault == nil,
            call.finalStatus == nil || (call.finalStatus?.code == 487 && failure.result.outcome == .timeout)
        else { return nil }
        return Finding(
            .callUnanswered, detail: call.ringingAt == nil ? "silent" : "ringing",
            title: "The call was not answered in time",
            evidence: [call.ringingAt == nil ? "INVITE got no ringing and no answer" : "it rang, but nobody answered"],
            remedy: "Check that the callee is registered and answers, and that the server routes the call to it.")
    }

    /// Refused, and the callee's account has contacts of others, or lost its own to them.
    static let calleeInUse: Rule = { failure in
        guard let (call, final) = refused(failure), let partner = failure.partner,
            [404, 408, 480, 486, 600, 603].contains(final.code)
        else { return nil }
        guard let seen = foreignContacts(partner) else { return nil }
        return Finding(
            .accountInUse, .likely, detail: "call", title: "The called account is in use elsewhere too",
            evidence: [
                "INVITE was answered \(status(final)), for example to \(call.target)",
                "the callee \(partner.username): \(seen)",
            ] + failure.banner,
            remedy:
                "Keep phones and other tests off the test accounts, and remove their old registrations on the server.")
    }

    /// What an endpoint saw of others on its account.
    static func foreignContacts(_ result: EndpointResult) -> String? {
        let registration = result.registration
        if registration.notes?.contains(.ownContactMissing) == true {
            return "the server's list of contacts did not have its own: somebody else took it over"
                + (registration.otherBindings > 0 ? " (\(registration.otherBindings) others are there)" : "")
        }
        guard registration.otherBindings > 0 else { return nil }
        return "the server's list of contacts had \(registration.otherBindings) that are not its own"
    }

    /// The callee is registered, its refreshes are accepted, and yet the server does not know where it is.
    static let locationLost: Rule = { failure in
        guard let (call, final) = refused(failure), call.isCalleeUnknown, let invited = call.invitedAt,
            let partner = failure.partner, let since = partner.registration.registeredAt, since <= invited,
            partner.outcome != .registrationFailed
        else { return nil }
        let workedBefore = failure.result.calls.contains { $0.establishedAt != nil }
        let brokeOff = failure.side.callsBrokeOff.map { invited >= $0 } ?? false
        guard workedBefore || brokeOff || failure.side.forgottenNonces > 0 else { return nil }
        var evidence = [
            "INVITE was answered \(status(final)), for example to \(call.target)",
            "the callee had registered at \(since.secondsText) and was not refused since",
        ]
        if let refreshes = partner.registration.refreshes {
            evidence.append("\(refreshes) of its refreshes were accepted")
        }
        if workedBefore { evidence.append("an earlier call to it went through") }
        if brokeOff, let at = failure.side.callsBrokeOff {
            evidence.append("calls went through until \(at.secondsText), and none after that")
        }
        if failure.side.forgottenNonces > 0 {
            evidence.append("\(failure.side.forgottenNonces) endpoints found that it had forgotten its nonces")
            return Finding(
                .serverRestarted, .likely, title: "The server was restarted during the run",
                evidence: evidence + failure.banner,
                remedy:
                    "Look in the log of \(failure.server) why it stopped at that time: a crash, an update, a supervisor."
            )
        }
        return Finding(
            .locationLost, workedBefore ? .certain : .likely, title: "The server lost where registered endpoints are",
            evidence: evidence + failure.banner,
            remedy:
                "Its table of locations was emptied during the run: look for a restart, a reload or a command that removes "
                + "contacts at that time. Shorter expiries mend it sooner.")
    }

    static let callCredentials: Rule = { failure in
        guard let (call, final) = refused(failure), final.code == 401 || final.code == 407 else { return nil }
        return Finding(
            .callCredentials, detail: "\(final.code)",
            title: "The account may register, but its calls are not authenticated",
            evidence: [
                "INVITE " + (call.credentialsSent ? "with credentials " : "")
                    + "was answered \(status(final)), for example to "
                    + call.target
            ] + words(call) + failure.banner,
            remedy:
                "The password was right for REGISTER: look which realm and which user the server wants for calls, and whether "
                + "From may name this account.")
    }

    static let calleeBusy: Rule = { failure in
        guard let (_, final) = refused(failure), final.code == 486 || final.code == 600 else { return nil }
        return refusal(
            .calleeBusy, failure, title: "The called side is busy: \(status(final))",
            remedy: "The account is used elsewhere, or takes more calls than the server allows it.")
    }

    static let calleeUnavailable: Rule = { failure in
        guard let (_, final) = refused(failure), final.code == 480 || final.code == 408 else { return nil }
        return refusal(
            .calleeUnavailable, failure, title: "The called side cannot be reached: \(status(final))",
            remedy: "Check that the callee is registered, and that the server reaches the address it registered with"
                + (failure.partner?.path?.publicAddress.map { " (a NAT is before it: the server saw \($0))" } ?? "")
                + ".")
    }

    static let mediaRefused: Rule = { failure in
        guard let (_, final) = refused(failure), [415, 488, 606].contains(final.code) else { return nil }
        return refusal(
            .mediaRefused, failure, title: "The media offered is not accepted: \(status(final))",
            remedy:
                "Compare the group's codec with what the server and the callee allow; look at encryption (SRTP) too.")
    }

    static let callOverload: Rule = { failure in
        guard let (_, final) = refused(failure), final.code == 503 || final.code == 500 else { return nil }
        return refusal(
            .callOverload, failure, title: "The server has no room for the call: \(status(final))",
            remedy:
                "It is overloaded, or a trunk or a licence has no channel left: call slower (pacing: calls), or raise its limit."
        )
    }

    static let callRefused: Rule = { failure in
        guard let (call, final) = refused(failure) else { return nil }
        return refusal(
            .callRefused, failure, title: "The call was refused: \(status(final))",
            remedy: callRemedy(final.code))
    }

    private static func callRemedy(_ code: UInt16) -> String {
        switch code {
        case 403, 603: "The dial plan does not let this account call this target: allow it on the server."
        case 404, 484, 604: "The server has no such target: check the number and the dial plan."
        default: "Look up the code in the server's log."
        }
    }

    /// The call that a final answer refused.
    private static func refused(_ failure: FailureCase) -> (CallEvidence, SIPStatus)? {
        guard let call = failure.call, call.establishedAt == nil, let final = call.finalStatus, final.code >= 300 else {
            return nil
        }
        return (call, final)
    }

    private static func refusal(_ cause: DiagnosisCause, _ failure: FailureCase, title: String, remedy: String)
        -> Finding?
    {
        guard let (call, final) = refused(failure) else { return nil }
        return Finding(
            cause, detail: "\(final.code)", title: title,
            evidence: ["REGISTER works; INVITE was answered \(status(final)), for example to \(call.target)"]
                + words(call)
                + failure.banner,
            remedy: remedy)
    }

    /// What the refusal said beside its code.
    private static func words(_ call: CallEvidence) -> [String] {
        [
            call.reason.map { "Reason: \($0)" }, call.warning.map { "Warning: \($0)" },
            call.retryAfter.map { "Retry-After: \($0)" },
        ].compactMap { $0 }
    }
}
