// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// Rules for endpoints that did their part, but met what their user should know.
extension DiagnosisRules {
    private static let foreignTitle = "The account is in use elsewhere too"

    /// The nonces are gone, and so was the server for a while or what it knew.
    static let restartSeen: Rule = { failure in
        guard failure.registration.hasForgottenNonce else { return nil }
        if let outage = failure.side.outage { return restarted(failure, since: outage) }
        guard let at = failure.side.callsBrokeOff else { return nil }
        return Finding(
            .serverRestarted, .likely, title: "The server was restarted during the run",
            evidence: failure.notes + ["it also lost where registered endpoints are, at \(at.secondsText)"]
                + failure.banner,
            remedy:
                "Look in the log of \(failure.server) why it stopped at that time: a crash, an update, a supervisor.")
    }

    static let noncesInvalidated: Rule = { failure in
        guard failure.registration.hasForgottenNonce else { return nil }
        let side = failure.side
        return Finding(
            .noncesInvalidated, .likely, title: "The server refused nonces that it had accepted: its secret changed",
            evidence: failure.notes.filter { $0.contains("nonce") }
                + ["\(side.forgottenNonces) of \(side.registered) registered endpoints saw this"] + failure.banner,
            remedy:
                "The secret of its nonces changed, or it was restarted, or another backend answers now: give the servers behind "
                + "this address one lasting secret. Refreshes went on with a new nonce, which doubles their number.")
    }

    /// Other bindings came back in the 200, or our own did not (G2).
    static let accountInUse: Rule = { failure in
        guard let seen = foreignContacts(failure.result) else { return nil }
        return Finding(
            .accountInUse, title: foreignTitle, evidence: [seen] + failure.banner,
            remedy:
                "Keep phones and other tests off the test accounts, and remove their old registrations on the server: calls "
                + "to this account ring there too, or only there.")
    }

    static let callCutShort: Rule = { failure in
        guard let call = failure.result.calls.last(where: \.endedByPeer) else { return nil }
        var evidence = ["the other side sent BYE before the call's time was over"]
        if let up = call.establishedAt, let end = call.endedAt {
            evidence = [
                "the other side sent BYE \((end - up).secondsText) after the call was up, for example \(call.target)"
            ]
        }
        if let reason = call.reason { evidence.append("Reason: \(reason)") }
        return Finding(
            .callCutShort, title: "Calls were ended by the other side before their time",
            evidence: evidence + failure.banner,
            remedy:
                "Look in the server's log why it hung up: a limit on the length of calls, no audio for a while, a session "
                + "timer, a dial plan that ends.")
    }

    static let noAudio: Rule = { failure in
        guard let call = failure.result.calls.last(where: \.isWithoutAudio), let media = call.media else { return nil }
        return Finding(
            .noAudio, title: "Calls were up, but no audio came",
            evidence: ["\(media.packetsSent) RTP packets were sent, none was received, for example with \(call.target)"]
                + failure.banner,
            remedy:
                "Open the server's RTP ports towards this worker; behind a NAT let the server answer to where audio comes from, "
                + "and look at the addresses in both session descriptions.")
    }
}
