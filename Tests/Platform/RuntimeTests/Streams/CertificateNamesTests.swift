// SPDX-License-Identifier: Apache-2.0

import SwiftASN1
import Testing
import X509

@testable import Runtime

@Suite("Whom a certificate is for")
struct CertificateNamesTests {
    private func names(_ names: [GeneralName], commonName: String = "common.example") throws -> CertificateNames {
        CertificateNames(try CertificateMaker().certificate(commonName, names: names).certificate)
    }

    @Test("a SIP domain matches without regard to case, and shuts host names out (RFC 5922 §7.1)")
    func domains() throws {
        let names = try names([.uniformResourceIdentifier("sip:Example.COM"), .dnsName("pbx.example.com")])
        #expect(names.contains("example.com"))
        #expect(names.contains("EXAMPLE.com."))
        #expect(!names.contains("pbx.example.com"))
        #expect(!names.contains("sub.example.com"))
    }

    @Test("a URI with a user, or of another scheme, is no server's name")
    func foreignURIs() throws {
        let names = try names([
            .uniformResourceIdentifier("sip:alice@example.com"), .uniformResourceIdentifier("https://example.com"),
            .dnsName("pbx.example.com"),
        ])
        #expect(!names.contains("example.com"))
        #expect(names.contains("pbx.example.com"))
    }

    @Test("a wildcard stands for exactly one label")
    func wildcards() throws {
        let names = try names([.dnsName("*.example.com")])
        #expect(names.contains("pbx.example.com"))
        #expect(!names.contains("example.com"))
        #expect(!names.contains("a.b.example.com"))
        #expect(!names.contains(".example.com"))
    }

    @Test("a numeric target needs an address in the certificate")
    func addresses() throws {
        let names = try names(GeneralName.loopback + [.dnsName("127.0.0.2")])
        #expect(names.contains("127.0.0.1"))
        #expect(names.contains("::1"))
        #expect(names.contains("0:0:0:0:0:0:0:1"))
        #expect(!names.contains("127.0.0.2"))
    }

    @Test("the common name counts only where there is no alternative name")
    func commonName() throws {
        #expect(try names([]).contains("common.example"))
        #expect(try names([], commonName: "10.0.0.1").contains("10.0.0.1"))
        #expect(try !names([.dnsName("pbx.example.com")]).contains("common.example"))
        #expect(try names([.rfc822Name("a@b.example")]).contains("common.example"))
    }
}
