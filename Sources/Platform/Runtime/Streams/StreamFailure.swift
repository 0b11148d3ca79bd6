// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import NIOSSL
import RunMetrics

/// How far a connection is.
enum StreamPhase {
    /// TCP is being connected.
    case connecting
    /// TLS shakes hands.
    case securing
    /// The request for a WebSocket is under way.
    case upgrading
    /// Messages may go.
    case open
}

/// Why a connection is over: the fault, and a sentence where more is known.
struct StreamFailure: Equatable {
    var fault: TransportFault
    var detail: String?

    /// The peer closed, and no error said why.
    static func closed(in phase: StreamPhase) -> StreamFailure {
        switch phase {
        case .connecting, .open: StreamFailure(fault: .reset)
        case .securing: notTLS("closed the connection in the TLS handshake")
        case .upgrading:
            StreamFailure(
                fault: .webSocketRefused, detail: "the server closed the connection instead of opening a WebSocket")
        }
    }

    /// The time for setting up is over.
    static func timedOut(in phase: StreamPhase) -> StreamFailure {
        let detail: String? =
            switch phase {
            case .connecting, .open: nil
            case .securing: "the connection was accepted, but the TLS handshake got no answer"
            case .upgrading: "the connection was accepted, but the request for a WebSocket got no answer"
            }
        return StreamFailure(fault: .connectTimeout, detail: detail)
    }

    /// What the first bytes of a connection without TLS say when they are no SIP: TLS (RFC 8446 §5.1: alert or handshake), or HTTP.
    static func foreign(_ bytes: some Collection<UInt8>) -> StreamFailure? {
        if let first = bytes.first, first == 0x15 || first == 0x16, bytes.dropFirst().first == 0x03 {
            return StreamFailure(
                fault: .tls, detail: "the server answered in TLS: this port wants transport tls or wss")
        }
        if bytes.starts(with: Array("HTTP/1.".utf8)) {
            return StreamFailure(
                fault: .webSocketRefused, detail: "the server answered as a web server: this port wants transport ws")
        }
        return nil
    }

    private static func notTLS(_ what: String) -> StreamFailure {
        StreamFailure(fault: .tls, detail: "the server \(what): this port may be for a transport without TLS")
    }

    /// What an error of NIO or of TLS means in this phase.
    init(_ error: any Error, in phase: StreamPhase) {
        switch error {
        case is NIOHTTPClientUpgradeError:
            self.init(
                fault: .webSocketRefused,
                detail: "the server did not answer the request for a WebSocket as RFC 6455 says")
        case is HTTPParserError:
            self.init(
                fault: .webSocketRefused,
                detail: "the server does not speak HTTP on this port, so no WebSocket can be opened")
        case let error as NIOSSLError: self.init(error, in: phase)
        case let error as BoringSSLError: self.init(alert: "\(error)", in: phase)
        default:
            let fault = TransportFault(error)
            if fault == .reset, phase == .securing || phase == .upgrading {
                self = .closed(in: phase)
            } else {
                self.init(fault: fault)
            }
        }
    }

    private init(_ error: NIOSSLError, in phase: StreamPhase) {
        switch error {
        case .uncleanShutdown: self = .closed(in: phase)
        case .handshakeFailed(let cause): self.init(alert: "\(cause)", in: phase)
        default: self.init(fault: .tls, detail: "TLS failed: \(error)")
        }
    }

    /// By the names of BoringSSL's reasons, which is how alerts of the peer arrive (RFC 8446 §6.2).
    private init(alert text: String, in phase: StreamPhase) {
        func has(_ names: String...) -> Bool { names.contains { text.contains($0) } }
        if has(
            "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "INVALID_OUTER_RECORD_TYPE",
            "UNEXPECTED_RECORD")
        {
            self = Self.notTLS("answered in plain text")
        } else if has("EOF during handshake") {
            self = .closed(in: .securing)
        } else if has("ALERT_CERTIFICATE_REQUIRED", "PEER_DID_NOT_RETURN_A_CERTIFICATE") {
            self.init(fault: .certificateRefused, detail: "the server wants a client certificate, and none was shown")
        } else if has(
            "ALERT_BAD_CERTIFICATE", "ALERT_UNSUPPORTED_CERTIFICATE", "ALERT_CERTIFICATE_REVOKED",
            "ALERT_CERTIFICATE_EXPIRED", "ALERT_CERTIFICATE_UNKNOWN", "ALERT_UNKNOWN_CA", "ALERT_ACCESS_DENIED")
        {
            self.init(
                fault: .certificateRefused, detail: "the server refused our client certificate (\(Self.name(in: text)))"
            )
        } else if has("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL") {
            self.init(fault: .tls, detail: "the server speaks neither TLS 1.2 nor TLS 1.3")
        } else if has("HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "INSUFFICIENT_SECURITY") {
            self.init(
                fault: .tls,
                detail:
                    "the server has no cipher in common with us, or wants a client certificate (\(Self.name(in: text)))"
            )
        } else if has("UNRECOGNIZED_NAME") {
            self.init(fault: .tls, detail: "the server has no certificate for the name asked for")
        } else {
            self.init(fault: .tls, detail: "TLS failed: \(Self.name(in: text))")
        }
    }

    init(fault: TransportFault, detail: String? = nil) {
        self.fault = fault
        self.detail = detail
    }

    /// `…:OPENSSL_internal:REASON at file:line` → REASON.
    private static func name(in text: String) -> String {
        guard let start = text.firstRange(of: "OPENSSL_internal:")?.upperBound else { return text }
        return String(text[start...].prefix { $0 == "_" || $0.isLetter || $0.isNumber })
    }
}
