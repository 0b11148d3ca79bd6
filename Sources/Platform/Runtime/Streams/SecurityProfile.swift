// SPDX-License-Identifier: Apache-2.0

/// How the TLS and WebSocket connections to one registrar are made; paths of files are in PEM.
public struct SecurityProfile: Hashable, Sendable {
    /// Whose certificates are believed.
    public enum Trust: Hashable, Sendable {
        /// The authorities that this machine trusts.
        case system
        /// Those in this file only.
        case authorities(file: String)
        /// Anybody: nothing is checked, which is said loudly wherever results are shown.
        case anybody
    }

    /// The name for SNI (RFC 6066 §3), for the Host of a WebSocket request, and the identity that the certificate must have;
    /// with AUTO the registrar's domain, whatever host its records name (RFC 5922 §7).
    public var serverName: String
    /// Whose certificates are believed.
    public var trust: Trust
    /// The certificate chain to show a server that asks, the leaf first; nil for none.
    public var certificateFile: String?
    /// The private key of that certificate.
    public var keyFile: String?
    /// What is asked for in the request that opens a WebSocket, from its `/` on.
    public var webSocketPath = "/"

    /// A profile; by default what the system trusts, and no certificate of our own.
    public init(
        serverName: String, trust: Trust = .system, certificateFile: String? = nil, keyFile: String? = nil
    ) {
        self.serverName = serverName
        self.trust = trust
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }

    /// What must be said loudly wherever results are shown; nil where certificates are checked.
    public var warning: String? {
        guard trust == .anybody else { return nil }
        return
            "The certificate of \(serverName) is NOT checked: whoever answers there is believed, and gets the accounts' digests."
    }

    /// Whether the files can be read and belong together; nothing is connected.
    /// - Throws: `SecurityProblem`, which says what is wrong with which file.
    public func check() throws(SecurityProblem) { _ = try SecurityContext(self) }
}

/// A file of certificates or keys that cannot be used.
public struct SecurityProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with which file.
    public let description: String
}
