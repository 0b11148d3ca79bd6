// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL

/// The certificate and key that the built-in server shows, and whose client certificates it wants.
public struct ServerSecurity: Hashable, Sendable {
    /// The certificate chain, the leaf first.
    public var certificateFile: String
    /// The leaf's private key.
    public var keyFile: String
    /// Where set, a client must show a certificate issued by an authority of this file.
    public var clientAuthoritiesFile: String?

    /// A server's side of TLS from its files, all in PEM.
    public init(certificateFile: String, keyFile: String, clientAuthoritiesFile: String? = nil) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.clientAuthoritiesFile = clientAuthoritiesFile
    }
}

/// What the TLS listeners of a server share.
final class ServerSecurityContext: Sendable {
    private let context: NIOSSLContext

    init(_ security: ServerSecurity) throws(SecurityProblem) {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try PEMFiles.certificates(security.certificateFile).map { .certificate($0) },
            privateKey: .privateKey(try PEMFiles.key(security.keyFile)))
        configuration.minimumTLSVersion = .tlsv12
        if let file = security.clientAuthoritiesFile {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates(try PEMFiles.certificates(file))
        }
        context = try PEMFiles.context(configuration, files: "\(security.certificateFile), \(security.keyFile)")
    }

    func handler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: context) }
}
