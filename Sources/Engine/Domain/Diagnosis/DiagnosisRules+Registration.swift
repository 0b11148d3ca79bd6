// SPDX-License-Identifier: Apache-2.0

import RunMetrics

/// Rules for registrations that met more than a plain refusal.
extension DiagnosisRules {
    /// What the registration met on its way, each note a line.
    static func notes(_ failure: FailureCase) -> [String] { (failure.registration.notes ?? []).map(\.sentence) }

    static let authenticationCircle: Rule = { failure in
        guard !failure.isRegistered, let last = failure.registration.notes?.last else { return nil }
        let realms = failure.registration.offeredRealms.map { "'\($0)'" }.joined(separator: ", ")
        switch last {
        case .realmsNeverSettled:
            return Finding(
                .authenticationCircle, detail: "realms", title: "The server asks for another realm each time",
                evidence: ["realms offered: \(realms)"] + banner(failure.registration.server),
                remedy:
                    "Let all proxies and backends behind this address use one realm, or set the account's realm to the "
                    + "one that holds its password.")
        case .noncesNeverAccepted:
            return Finding(
                .authenticationCircle, detail: "nonces",
                title: "The server meets each answer with a new nonce and never accepts one",
                evidence: ["\(failure.registration.challenges) challenges, each answered with its own nonce"]
                    + banner(failure.registration.server),
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
            evidence: notes(failure),
            remedy:
                "If that server is meant to hold the account, set the account's realm to '\(realm)'; if not, find out who "
                + "redirects the registrations.")
    }

    /// Redirected, and there nothing answered.
    static let redirectTarget: Rule = { failure in
        guard !failure.isRegistered, case .redirected(let place)? = failure.registration.notes?.last,
            failure.registration.transportFault != nil
        else { return nil }
        return Finding(
            .registrationRedirected, detail: place,
            title: "The server sends registrations to \(place), which does not answer",
            evidence: notes(failure) + banner(failure.registration.server),
            remedy:
                "Check the server's configuration for \(place), and whether a SIP server listens there and takes requests "
                + "from this address.")
    }

    static let registrationRedirected: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, (300..<400).contains(final.code)
        else {
            return nil
        }
        return Finding(
            .registrationRedirected, detail: "\(final.code)", title: "The server sends registrations elsewhere",
            evidence: ["REGISTER was answered \(status(final))"] + notes(failure)
                + banner(failure.registration.server),
            remedy:
                "Use the server that it names as the registrar. Only addresses on the same kind of transport are followed, and "
                + "no circles.")
    }

    static let expiryTooBrief: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus, final.code == 423 else { return nil }
        return Finding(
            .expiryTooBrief, title: "The server wants registrations to last longer",
            evidence: ["REGISTER was answered \(status(final))"] + notes(failure),
            remedy: "Ask for a longer expiry: raise the registrar's 'expires' to what the server's Min-Expires says.")
    }

    static let serverBusy: Rule = { failure in
        guard !failure.isRegistered, let final = failure.registration.finalStatus,
            let wait = failure.registration.retryAfter, final.code == 480 || (500..<600).contains(final.code)
        else { return nil }
        return Finding(
            .serverBusy, detail: "\(final.code)", title: "The server asked to come back later: \(status(final))",
            evidence: ["REGISTER was answered \(status(final)) with Retry-After: \(wait)"] + notes(failure)
                + banner(failure.registration.server),
            remedy:
                "The server is overloaded or going down: register slower (pacing), and look at its load and its log.")
    }

    static let refreshRefused: Rule = { failure in
        guard failure.isRegistered, failure.result.outcome == .registrationFailed,
            let final = failure.registration.finalStatus, final.code >= 300
        else { return nil }
        return Finding(
            .refreshRefused, detail: "\(final.code)",
            title: "The server took the registration and later refused to renew it: \(status(final))",
            evidence: ["a refresh was answered \(status(final))"] + notes(failure)
                + banner(failure.registration.server),
            remedy:
                "Look in the server's log at that time: a changed password, a limit on authentication attempts, or a restart "
                + "that lost its accounts.")
    }
}
