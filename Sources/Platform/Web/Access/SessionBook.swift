// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import ControlPlane
import Synchronization

/// What opens a session or is one: 256 bits of the system's chance.
public struct SessionToken: Hashable, Sendable, Redacted {
    /// The token as text, for the one link or cookie that carries it.
    public let text: String

    init(_ text: String) { self.text = text }

    static func fresh() -> SessionToken {
        var random = SystemRandomNumberGenerator()
        var text = ""
        for _ in 0..<4 {
            let digits = String(random.next() as UInt64, radix: 16)
            text += String(repeating: "0", count: 16 - digits.count) + digits
        }
        return SessionToken(text)
    }
}

/// Sessions of browsers and one-time links, in memory only: a restart forgets both.
public final class SessionBook: Sendable, Redacted {
    /// What a session or link stands for.
    enum Grant: Sendable {
        /// A key, known by its hash: asked again at every request, so a revoked key ends its sessions at once.
        case key(AccessUseCases.Bearer)
        /// A link that this process printed.
        case principal(Principal)
    }

    private struct Entry {
        var grant: Grant
        var expires: Int64
        /// Rises with each session, so that the oldest is known among those of one second.
        var number: UInt64 = 0
    }

    private struct State {
        var sessions: [SessionToken: Entry] = [:]
        var links: [SessionToken: Entry] = [:]
        var opened: UInt64 = 0
    }

    private let state = Mutex(State())
    /// Seconds on any clock that does not go back.
    private let now: @Sendable () -> Int64

    /// An empty book.
    public init(now: @escaping @Sendable () -> Int64) { self.now = now }

    /// A token for a link that opens one session, once, within the hour.
    public func makeLink(for principal: Principal) -> SessionToken {
        let token = SessionToken.fresh()
        let expires = now() + WebLimits.linkSeconds
        state.withLock { $0.links[token] = Entry(grant: .principal(principal), expires: expires) }
        return token
    }

    /// Spends a link; nil when it is unknown, spent or too old.
    func redeem(link token: String) -> Grant? {
        let moment = now()
        return state.withLock { state in
            guard let entry = state.links.removeValue(forKey: SessionToken(token)), entry.expires > moment else {
                return nil
            }
            return entry.grant
        }
    }

    /// Opens a session and gives its token for the cookie.
    func open(_ grant: Grant) -> SessionToken {
        let token = SessionToken.fresh()
        let moment = now()
        state.withLock { state in
            state.sessions = state.sessions.filter { $0.value.expires > moment }
            if state.sessions.count >= WebLimits.mostSessions,
                let oldest = state.sessions.min(by: { $0.value.number < $1.value.number })
            {
                state.sessions[oldest.key] = nil
            }
            state.opened += 1
            state.sessions[token] = Entry(
                grant: grant, expires: moment + WebLimits.sessionSeconds, number: state.opened)
        }
        return token
    }

    /// What a session stands for; nil when it is unknown or over.
    func grant(of token: String) -> Grant? {
        let moment = now()
        return state.withLock { state in
            guard let entry = state.sessions[SessionToken(token)], entry.expires > moment else { return nil }
            return entry.grant
        }
    }

    /// Ends a session.
    func close(_ token: String) {
        state.withLock { $0.sessions[SessionToken(token)] = nil }
    }
}
