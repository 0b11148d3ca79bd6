// SPDX-License-Identifier: Apache-2.0

import RunMetrics

extension DiagnosisRules {
    /// The connection came about, but TLS or the WebSocket on it did not.
    static let notSecured: Rule = { failure in
        let pairs = [
            (failure.registration.transportFault, failure.registration.transportDetail),
            (failure.call?.transportFault, failure.call?.transportDetail),
        ]
        for case (let fault?, let detail) in pairs {
            if let finding = finding(fault, detail, server: failure.server) { return finding }
        }
        return nil
    }

    private static func finding(_ fault: TransportFault, _ detail: String?, server: String) -> Finding? {
        guard let text = streamTexts[fault] else { return nil }
        return Finding(
            text.cause, detail: detail ?? "", title: text.title, evidence: [detail ?? text.seen],
            remedy: text.remedy(server))
    }

    private static let streamTexts: [TransportFault: StreamText] = [
        .certificateExpired: StreamText(
            .certificateExpired, title: "The server's certificate is not valid at this time",
            seen: "the dates in the certificate do not cover today",
            remedy: {
                "Renew the certificate on \($0) and reload it there; if its dates look right, set this machine's clock."
            }),
        .certificateWrongHost: StreamText(
            .certificateWrongHost, title: "The server's certificate is for another name",
            seen: "none of the certificate's names is the one asked for",
            remedy: {
                "Use one of the names in the certificate as the registrar's domain, or give \($0) a certificate that "
                    + "has the domain among its names."
            }),
        .certificateUntrusted: StreamText(
            .certificateUntrusted, title: "The server's certificate is not trusted here",
            seen: "no authority that is trusted here issued it",
            remedy: { _ in
                "Give the issuer's certificate, or the server's own if it is self-signed: 'ca' under the registrar's 'tls', or "
                    + "--tls-ca; let the server send the certificates between too."
            }),
        .certificateRefused: StreamText(
            .certificateRefused, title: "The server did not accept our side's certificate",
            seen: "the server ended the TLS handshake because of our certificate",
            remedy: {
                "Give a client certificate that \($0) trusts and its key: 'cert' and 'key' under the registrar's 'tls', "
                    + "or --tls-cert and --tls-key; or let the server not ask for one."
            }),
        .tls: StreamText(
            .tlsFailed, title: "No TLS connection came about", seen: "the TLS handshake failed",
            remedy: {
                "Check that the port of \($0) is the one for this transport (5061 is usual for TLS, 5060 for UDP and "
                    + "TCP), and that the server allows TLS 1.2 or 1.3."
            }),
        .webSocketRefused: StreamText(
            .webSocketRefused, title: "The server did not open a WebSocket for SIP",
            seen: "the request to upgrade was refused",
            remedy: {
                "Check that the port and path of \($0) are those of SIP over WebSocket, that 'wss' is used where it "
                    + "wants TLS, and that the server has WebSockets switched on."
            }),
    ]
}

/// What is said of one way in which a connection is not secured.
private struct StreamText: Sendable {
    let cause: DiagnosisCause
    let title: String
    /// What was seen, where the connection itself said no more.
    let seen: String
    /// What to do, given the server's name.
    let remedy: @Sendable (String) -> String

    init(_ cause: DiagnosisCause, title: String, seen: String, remedy: @escaping @Sendable (String) -> String) {
        self.cause = cause
        self.title = title
        self.seen = seen
        self.remedy = remedy
    }
}
