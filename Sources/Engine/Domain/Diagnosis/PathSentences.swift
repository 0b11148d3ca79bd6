// SPDX-License-Identifier: Apache-2.0

public import RunMetrics

extension PathEvidence {
    /// What the way to the server went through, each sentence a fact; empty when there is nothing to tell.
    public var sentences: [String] {
        var sentences = failedServers.enumerated().map { place, failed in
            "the \(Self.ordinal(place)) server \(failed.address) (\(failed.transport)) \(Self.words(for: failed))"
        }
        if let server { sentences.append("registered at \(server)") }
        if reconnects > 0 {
            let times = reconnects == 1 ? "once" : "\(reconnects) times"
            sentences.append("the connection was lost and made again \(times)")
        }
        if let publicAddress {
            sentences.append("the server sees this endpoint at \(publicAddress): a NAT is between")
        }
        switch largeRequests {
        case .sentByTCP: sentences.append("requests over 1,300 bytes went by TCP instead of UDP (RFC 3261 §18.1.1)")
        case .fellBackToUDP:
            sentences.append("TCP was refused, so requests over 1,300 bytes went by UDP and may be cut in pieces")
        case nil: break
        }
        return sentences
    }

    private static func ordinal(_ place: Int) -> String {
        let words = ["first", "second", "third"]
        return place < words.count ? words[place] : "\(place + 1)th"
    }

    private static func words(for failed: FailedServer) -> String {
        if let status = failed.status { return "answered \(status)" }
        return switch failed.fault {
        case .refused: "refused: nothing listens there"
        case .reset: "closed the connection"
        case .unreachable: "cannot be reached"
        case .connectTimeout, .silence: "did not answer"
        case .tls: "did not agree to TLS"
        case .certificateExpired: "showed a certificate that has expired"
        case .certificateWrongHost: "showed a certificate for another host"
        case .certificateUntrusted: "showed a certificate of an authority that is not trusted here"
        case .certificateRefused: "did not accept this side's certificate"
        case .webSocketRefused: "did not agree to SIP over WebSocket"
        case .system, nil: "could not be used"
        }
    }
}
