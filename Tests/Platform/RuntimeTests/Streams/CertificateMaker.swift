// SPDX-License-Identifier: Apache-2.0

import Crypto
import Foundation
import SwiftASN1
import X509

@testable import Runtime

/// Makes certificates at run time, as PEM files in a folder of its own that goes with it.
final class CertificateMaker {
    /// A certificate with its key, and where their files are.
    struct Made {
        let certificate: Certificate
        let key: Certificate.PrivateKey
        let certificateFile: String
        let keyFile: String
    }

    private static let day = 86_400.0

    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("certificates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// An authority.
    func authority(_ name: String) throws -> Made {
        try make(name, names: [], issuer: nil, isAuthority: true, days: -1..<30)
    }

    /// A certificate, self-signed without an issuer; `days` from now says when it is valid.
    func certificate(
        _ name: String, names: [GeneralName], issuer: Made? = nil, days: Range<Double> = -1..<30
    ) throws -> Made {
        try make(name, names: names, issuer: issuer, isAuthority: false, days: days)
    }

    private func make(
        _ name: String, names: [GeneralName], issuer: Made?, isAuthority: Bool, days: Range<Double>
    ) throws -> Made {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let subject = try DistinguishedName { CommonName(name) }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: Date(timeIntervalSinceNow: days.lowerBound * Self.day),
            notValidAfter: Date(timeIntervalSinceNow: days.upperBound * Self.day),
            issuer: issuer?.certificate.subject ?? subject, subject: subject,
            extensions: try Certificate.Extensions {
                if isAuthority {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                    Critical(KeyUsage(keyCertSign: true))
                } else {
                    Critical(BasicConstraints.notCertificateAuthority)
                }
                if !names.isEmpty { SubjectAlternativeNames(names) }
            },
            issuerPrivateKey: issuer?.key ?? key)
        let place = folder.appendingPathComponent(UUID().uuidString).path
        try certificate.serializeAsPEM().pemString.write(toFile: place + ".crt", atomically: true, encoding: .utf8)
        try key.serializeAsPEM().pemString.write(toFile: place + ".key", atomically: true, encoding: .utf8)
        return Made(certificate: certificate, key: key, certificateFile: place + ".crt", keyFile: place + ".key")
    }
}

extension GeneralName {
    /// 127.0.0.1 and ::1, where these tests talk.
    static var loopback: [GeneralName] {
        [
            .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
            .ipAddress(ASN1OctetString(contentBytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
        ]
    }
}
