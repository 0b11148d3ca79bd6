// SPDX-License-Identifier: Apache-2.0

/// How the TLS connections to one registrar are secured; paths are files in PEM.
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

    /// The name for SNI (RFC 6066 §3) and the identity that the certificate must have; with AUTO the registrar's domain,
    /// whatever host its records name (RFC 5922 §7).
    public var serverName: String
    /// Whose certificates are believed.
    public var trust: Trust
    /// The certificate chain to show a server that asks, the leaf first; nil for none.
    public var certificateFile: String?
    /// The private key of that certificate.
    public var keyFile: String?

    /// A profile; by default what the system trusts, and no certificate of our own.
    public init(
        serverName: String, trust: Trust = .system, certificateFile: String? = nil, keyFile: String? = nil
    ) {
        self.serverName = serverName
        self.trust = trust
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}
