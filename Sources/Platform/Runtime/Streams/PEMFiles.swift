// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// Certificates and keys out of files in PEM; what is wrong is told with the file's name.
enum PEMFiles {
    static func certificates(_ file: String) throws(SecurityProblem) -> [NIOSSLCertificate] {
        let found: [NIOSSLCertificate]
        do {
            found = try NIOSSLCertificate.fromPEMFile(file)
        } catch {
            throw SecurityProblem(description: "\(file) cannot be read as certificates in PEM")
        }
        guard !found.isEmpty else { throw SecurityProblem(description: "\(file) holds no certificate") }
        return found
    }

    static func key(_ file: String) throws(SecurityProblem) -> NIOSSLPrivateKey {
        do {
            return try NIOSSLPrivateKey(file: file, format: .pem)
        } catch {
            throw SecurityProblem(description: "\(file) cannot be read as a private key in PEM without a passphrase")
        }
    }

    /// A context of the TLS library; it refuses a key that is not the certificate's.
    static func context(_ configuration: TLSConfiguration, files: String) throws(SecurityProblem) -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw SecurityProblem(description: "the certificate and the private key do not belong together: \(files)")
        }
    }
}
