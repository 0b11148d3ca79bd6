// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// Rules for registrations that were answered.
extension DiagnosisRules {
    static let realmMismatch: Rule = { failure in
        guard !failure.isRegistered, let realm = failure.registration.missingRealm else { return nil }
        let offered = failure.registration.offeredRealms.map { "'\($0)'" }.joined(separator: ", ")
        return Finding(
            .realmMismatch, detail: realm + offered, title: "The account's realm is not the one the server asks for",
            evidence: ["the account is bound to the realm '\(realm)'", "the server offered \(offered)"],
            remedy: "Set the account's realm to \(offered), or leave it empty to take it from the challenge.")
    }

    static let unsupportedAuthentication: Rule = { failure in
        // Without any challenge in the 401 there is nothing to say of its algorithm.
        guard !failure.isRegistered, failure.registration.unsupportedChallenge,
            !failure.registration.offeredRealms.isEmpty
        else { return nil }
        return Finding(
            .unsupportedAuthentication, title: "The server asks for an authentication this program does not have",
            evidence: ["no offered challenge was Digest with MD5, SHA-256 or SHA-512-256"] + failure.banner,
            remedy: "Let the server offer Digest with one of these algorithms.")
    }

    static let authenticationCircle: Rule = { failure in
        guard !failure.isRegistered, let last = failure.registration.notes?.last else { return nil }
        let realms = failure.registration.offeredRealms.map { "'\($0)'" }.joined(separator: ", ")
        switch last {
        case .realmsNeverSettled:
            return Finding(
                .authenticationCircle, detail: "realms", title: "The server asks for another realm each time",
                evidence: ["realms offered: \(realms)"] + failure.banner,
                remedy:
                    "Let all proxies and backends behind this address use one realm, or set the account's realm to the "
                    + "one that holds its password.")
        case .noncesNeverAccepted:
            return Finding(
                .authenticationCircle, detail: "nonces",
                title: "The server meets each answer with a new nonce and never accepts one",
                evidence: ["\(failure.registration.challenges) challenges, each answered with its own nonce"]
                    + failure.banner,
                remedy:
                    "Backends behind a load balancer must share the secret of their nonces, or one address must always reach "
                    + "the same backend; on a single server, look at the lifetime of its nonces.")
        default:
            return nil
        }
    }

    static let foreignChallenge: Rule = { failure in
        guard !failure.isRegistered, case .foreignRealm(let realm)? = failure.registration.notes?.last else {
            return nil
        }
        return Finding(
            .foreignChallenge, detail: realm,
            title: "Somebody else than the account's registrar asked for its password",
            evidence: failure.notes,
            remedy:
                "If that server is meant to hold the account, set the account's realm to '\(realm)'; if not, find out who "
                + "redirects the registrations.")
    }

    /// 401 now and then among successes.
    static let rateLimited: Rule = { failure in
        guard !failure.isRegistered, failure.registration.isPlainlyRejected, let limiter = failure.side.limiter else {
            return nil
        }
        return limited(limiter, failure)
    }

    /// The same to refreshes.
    static let refreshRateLimited: Rule = { failure in
        guard failure.registration.isRefusedLater, let limiter = failure.side.limiter else { return nil }
        return limited(limiter, failure)
    }

    /// The same to calls.
    static let callRateLimited: Rule = { failure in
        guard let call = failure.call, call.role == .caller, call.isChallengedAgain,
            let limiter = failure.side.callLimiter ?? failure.side.limiter
        else { return nil }
        return limited(limiter, failure)
    }

    private static func limited(_ limiter: Spells, _ failure: FailureCase) -> Finding {
        let first = limiter.firstBad ?? .zero
        let spells = limiter.badSpells == 1 ? "one spell" : "\(limiter.badSpells) spells"
        return Finding(
            .authenticationRateLimited, .likely,
            title: "The server limits the rate of authentication: 401 now and then among successes",
            evidence: [
                "\(limiter.good) requests with credentials were accepted, \(limiter.bad) refused with 401 or 407, in \(spells)",
                "it began at \(first.secondsText), at \(Int(limiter.rate(before: first))) per second; "
                    + "at most \(limiter.fastest) were begun within a second",
                "about \(Int(limiter.goodPerSecond.rounded())) per second came through",
            ] + failure.banner,
            remedy:
                "Go slower (pacing: registrations: \(limiter.suggestedRate)/s, calls likewise), or raise the server's limit "
                + "for this address.")
    }

    static let wrongCredentials: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus,
            final.code == 401 || final.code == 407,
            failure.registration.credentialsSent
        else { return nil }
        // Refused among others that come and go is what a wrong password is; refused one after the other may be a limit.
        let spell = failure.side.refusedInOneSpell
        let isSure = failure.side.registered > 0 && spell == nil
        return Finding(
            .wrongCredentials, isSure ? .certain : .likely, detail: "\(final.code)",
            title: "Wrong password, or a user the server does not know",
            evidence: ["REGISTER with credentials was answered \(status(final)) again"]
                + (failure.registration.nonceAfterRefusal == .same
                    ? ["the challenge was the one that had just been answered (same nonce)"] : [])
                + (spell.map { [$0] } ?? [])
                + failure.notes + failure.banner,
            remedy: "Compare username and password with the server's configuration; case matters. Many servers answer "
                + "\(final.code) for an unknown user too.")
    }

    /// The server has as many contacts of the account as it allows.
    static let tooManyContacts: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus,
            final.code == 403 || final.code == 503 || final.code == 500
        else { return nil }
        let words = (final.reason + " " + (failure.registration.warning ?? "")).lowercased()
        let isSaid = words.contains("contact")
        // Asterisk refuses addresses before it asks for credentials; a 403 behind right ones is about contacts.
        let isAsterisk = failure.family == .asterisk && final.code == 403 && failure.registration.credentialsSent
        guard isSaid || isAsterisk else { return nil }
        return Finding(
            .tooManyContacts, isSaid ? .certain : .likely, detail: "\(final.code)",
            title: "The account has as many contacts as the server allows",
            evidence: ["REGISTER with credentials was answered \(status(final))"]
                + (failure.registration.warning.map { ["the server said: \($0)"] } ?? []) + failure.banner,
            remedy: "Remove the account's other registrations, wait until old ones expire, or allow it more contacts.")
    }

    static let registrationForbidden: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, final.code == 403 else { return nil }
        let address = failure.registration.localAddress.map { [" (\($0))", "this worker registered from \($0)"] }
        let wasAsked = failure.registration.challenges > 0
        return Finding(
            .registrationForbidden, detail: wasAsked ? "asked" : "at once",
            title: wasAsked
                ? "The server knows the account and forbids it to register"
                : "The server forbids this address, or this account, to register",
            evidence: [
                "REGISTER was answered \(status(final))"
                    + (wasAsked ? " after credentials" : " at once: no password was asked for")
            ] + (address.map { [$0[1]] } ?? []) + failure.banner,
            remedy: wasAsked
                ? "Enable the account on the server; if it is enabled, allow this worker's address\(address?[0] ?? "") there."
                : "Allow the address of this worker\(address?[0] ?? "") on the server; if it is allowed, enable the account."
        )
    }

    static let unknownUser: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, final.code == 404 else { return nil }
        return Finding(
            .unknownUser, title: "The server does not know this user",
            evidence: ["REGISTER was answered \(status(final))"] + failure.banner,
            remedy: "Provision the account on the server; look for a typing error in the username or the domain.")
    }

    /// Redirected, and there nothing answered.
    static let redirectTarget: Rule = { failure in
        guard !failure.isRegistered, case .redirected(let place)? = failure.registration.notes?.last,
            failure.registration.transportFault != nil
        else { return nil }
        return Finding(
            .registrationRedirected, detail: place,
            title: "The server sends registrations to \(place), which does not answer",
            evidence: failure.notes + failure.banner,
            remedy:
                "Check the server's configuration for \(place), and whether a SIP server listens there and takes requests "
                + "from this address.")
    }

    static let registrationRedirected: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, (300..<400).contains(final.code)
        else { return nil }
        return Finding(
            .registrationRedirected, detail: "\(final.code)", title: "The server sends registrations elsewhere",
            evidence: ["REGISTER was answered \(status(final))"] + failure.notes + failure.banner,
            remedy:
                "Use the server that it names as the registrar. Only addresses on the same kind of transport are followed, and "
                + "no circles.")
    }

    static let expiryTooBrief: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, final.code == 423 else { return nil }
        return Finding(
            .expiryTooBrief, title: "The server wants registrations to last longer",
            evidence: ["REGISTER was answered \(status(final))"] + failure.notes + failure.banner,
            remedy: "Ask for a longer expiry: raise the registrar's 'expires' to what the server's Min-Expires says.")
    }

    static let serverBusy: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus,
            let wait = failure.registration.retryAfter, final.code == 480 || (500..<600).contains(final.code)
        else { return nil }
        return Finding(
            .serverBusy, detail: "\(final.code)", title: "The server asked to come back later: \(status(final))",
            evidence: ["REGISTER was answered \(status(final)) with Retry-After: \(wait)"] + failure.notes
                + failure.banner,
            remedy:
                "The server is overloaded or going down: register slower (pacing), and look at its load and its log.")
    }

    static let registrationRefused: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, final.code >= 300,
            final.code != 401 && final.code != 407
        else { return nil }
        let wait = failure.registration.retryAfter.map { ["it asked to wait \($0) s"] } ?? []
        return Finding(
            .registrationRefused, detail: "\(final.code)", title: "The server refused to register: \(status(final))",
            evidence: ["REGISTER was answered \(status(final))"] + wait + failure.notes + failure.banner,
            remedy: "Look up the code in the server's log; a 5xx or 480 under load means that it is overloaded.")
    }

    static let refreshRefused: Rule = { failure in
        guard failure.isRegistered, failure.result.outcome == .registrationFailed,
            let final = failure.registration.finalStatus, final.code >= 300
        else { return nil }
        return Finding(
            .refreshRefused, detail: "\(final.code)",
            title: "The server took the registration and later refused to renew it: \(status(final))",
            evidence: ["a refresh was answered \(status(final))"] + failure.notes + failure.banner,
            remedy:
                "Look in the server's log at that time: a changed password, a limit on authentication attempts, or a restart "
                + "that lost its accounts.")
    }
}
