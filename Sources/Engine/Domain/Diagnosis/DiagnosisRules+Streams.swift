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
        switch fault {
        case .certificateExpired:
            Finding(
                .certificateExpired, detail: detail ?? "", title: "The server's certificate is not valid at this time",
                evidence: [detail ?? "the dates in the certificate do not cover today"],
                remedy:
                    "Renew the certificate on \(server) and reload it there; if its dates look right, set this machine's clock."
            )
        case .certificateWrongHost:
            Finding(
                .certificateWrongHost, detail: detail ?? "", title: "The server's certificate is for another name",
                evidence: [detail ?? "none of the certificate's names is the one asked for"],
                remedy:
                    "Use one of the names in the certificate as the registrar's domain, or give \(server) a certificate that has "
                    + "the domain among its names.")
        case .certificateUntrusted:
            Finding(
                .certificateUntrusted, detail: detail ?? "", title: "The server's certificate is not trusted here",
                evidence: [detail ?? "no authority that is trusted here issued it"],
                remedy:
                    "Give the issuer's certificate, or the server's own if it is self-signed: 'ca' under the registrar's 'tls', or "
                    + "--tls-ca; let the server send the certificates between too.")
        case .certificateRefused:
            Finding(
                .certificateRefused, detail: detail ?? "", title: "The server did not accept our side's certificate",
                evidence: [detail ?? "the server ended the TLS handshake because of our certificate"],
                remedy:
                    "Give a client certificate that \(server) trusts and its key: 'cert' and 'key' under the registrar's 'tls', or "
                    + "--tls-cert and --tls-key; or let the server not ask for one.")
        case .tls:
            Finding(
                .tlsFailed, detail: detail ?? "", title: "No TLS connection came about",
                evidence: [detail ?? "the TLS handshake failed"],
                remedy:
                    "Check that the port of \(server) is the one for this transport (5061 is usual for TLS, 5060 for UDP and TCP), "
                    + "and that the server allows TLS 1.2 or 1.3.")
        case .webSocketRefused:
            Finding(
                .webSocketRefused, detail: detail ?? "", title: "The server did not open a WebSocket for SIP",
                evidence: [detail ?? "the request to upgrade was refused"],
                remedy:
                    "Check that the port and path of \(server) are those of SIP over WebSocket, that 'wss' is used where it wants TLS, "
                    + "and that the server has WebSockets switched on.")
        default: nil
        }
    }
}
