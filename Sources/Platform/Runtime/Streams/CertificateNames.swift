// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SwiftASN1
import X509

/// Whom a certificate is for (RFC 5922 §7.1): SIP domains, host names, addresses.
struct CertificateNames {
    private var domains: [String] = []
    private var hosts: [String] = []
    private var addresses: [TransportAddress.IP] = []

    init(_ certificate: Certificate) {
        for name in Self.alternativeNames(of: certificate) {
            switch name {
            case .uniformResourceIdentifier(let uri):
                if let domain = Self.domain(of: uri) { domains.append(domain) }
            case .dnsName(let host): hosts.append(host.lowercased())
            case .ipAddress(let bytes):
                if let address = TransportAddress.IP(networkOrder: bytes.bytes) { addresses.append(address) }
            default: break
            }
        }
        // RFC 5922 §7.1: the common name counts only where there is no alternative name.
        guard domains.isEmpty, hosts.isEmpty, addresses.isEmpty else { return }
        for part in certificate.subject.lazy.flatMap({ $0 })
        where part.type == .RDNAttributeType.commonName {
            let name = String(describing: part.value)
            if let address = TransportAddress.IP(name) {
                addresses.append(address)
            } else {
                hosts.append(name.lowercased())
            }
        }
    }

    private static func alternativeNames(of certificate: Certificate) -> [GeneralName] {
        guard let names = try? certificate.extensions.subjectAlternativeNames else { return [] }
        return Array(names)
    }

    /// Whether it is for the name asked for. A certificate with SIP domains is for these only (RFC 5922 §7.1).
    func contains(_ name: String) -> Bool {
        if let address = TransportAddress.IP(name) { return addresses.contains(address) }
        var asked = name.lowercased()
        if asked.hasSuffix(".") { asked.removeLast() }
        if !domains.isEmpty { return domains.contains(asked) }
        return hosts.contains { Self.matches(pattern: $0, asked) }
    }

    /// All of them for people.
    var text: String {
        let all = domains.map { "sip:" + $0 } + hosts + addresses.map { "\($0)" }
        return all.isEmpty ? "nobody" : all.joined(separator: ", ")
    }

    /// RFC 5922 §7.2 forbids wildcards in SIP; servers in the field have them, so `*.` stands for one label here.
    private static func matches(pattern: String, _ name: String) -> Bool {
        guard pattern.hasPrefix("*.") else { return pattern == name }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return false }
        return name[dot...] == pattern.dropFirst()
    }

    /// The domain of `sip:domain`; one with a user names a person, not a server.
    private static func domain(of uri: String) -> String? {
        let lower = uri.lowercased()
        guard lower.hasPrefix("sip:"), !lower.contains("@") else { return nil }
        let domain = lower.dropFirst(4).prefix { $0 != ";" && $0 != ":" && $0 != "?" }
        return domain.isEmpty ? nil : String(domain)
    }
}

extension TransportAddress.IP {
    /// The 4 or 16 bytes of an address in a certificate; nil for another number of them.
    fileprivate init?(networkOrder bytes: some Collection<UInt8>) {
        func value(_ part: some Collection<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self = .v4(UInt32(value(bytes)))
        case 16: self = .v6(high: value(bytes.prefix(8)), low: value(bytes.dropFirst(8)))
        default: return nil
        }
    }
}
