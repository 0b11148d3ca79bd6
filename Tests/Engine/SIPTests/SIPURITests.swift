// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

@Suite struct SIPURITests {
    /// The parts of a URI in one line: scheme, user, password, host, port, parameters, headers.
    private func parts(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBytes { raw in
            SIPURI(raw, at: Slice(offset: 0, length: raw.count)).map { uri in
                func part(_ slice: Slice?) -> String {
                    slice.map { String(decoding: raw[$0.range], as: UTF8.self) } ?? "-"
                }
                return [
                    "\(uri.scheme)", part(uri.user), part(uri.password), part(uri.host),
                    uri.port.map { "\($0)" } ?? "-",
                    part(uri.parameters), part(uri.headers),
                ].joined(separator: "|")
            }
        }
    }

    @Test(arguments: [
        ("sip:alice@atlanta.com", "sip|alice|-|atlanta.com|-||"),
        ("sip:alice:secretword@atlanta.com;transport=tcp", "sip|alice|secretword|atlanta.com|-|;transport=tcp|"),
        (
            "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sips|alice|-|atlanta.com|-||subject=project%20x&priority=urgent"
        ),
        ("sip:+1-212-555-1212:1234@gateway.com;user=phone", "sip|+1-212-555-1212|1234|gateway.com|-|;user=phone|"),
        ("sips:1212@gateway.com", "sips|1212|-|gateway.com|-||"),
        ("sip:alice@192.0.2.4:5070", "sip|alice|-|192.0.2.4|5070||"),
        (
            "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
            "sip|-|-|atlanta.com|-|;method=REGISTER|to=alice%40atlanta.com"
        ),
        ("sip:alice;day=tuesday@atlanta.com", "sip|alice;day=tuesday|-|atlanta.com|-||"),
        ("SIP:bob@[2001:db8::10]:5080;lr", "sip|bob|-|2001:db8::10|5080|;lr|"),
        ("sip:[::1]", "sip|-|-|::1|-||"),
        ("tel:+358-555-1234567;phone-context=x", "tel|+358-555-1234567|-|+358-555-1234567|-|;phone-context=x|"),
        ("urn:service:sos", "other|-|-|service:sos|-||"),
    ]) func `the URIs of RFC 3261 section 19.1.3 and some more are taken apart`(text: String, expected: String) {
        #expect(parts(text) == expected)
    }

    @Test(arguments: [
        "", "sip:", "sip", ":alice@b", "sip:@b", "sip:a@", "sip:a@b:0", "sip:a@b:65536", "sip:a@b:x", "sip:a@[::1",
        "sip:a@[]",
        "sip:a b@c", "sip:a@b/c", "<sip:a@b>", "1sip:a@b", "sip:a@b:5060:1", "tel:",
    ]) func `what is no URI is refused`(text: String) {
        #expect(parts(text) == nil)
    }

    @Test func `a numeric host is an address, a name is none`() {
        func ip(_ text: String) -> TransportAddress.IP? {
            Array(text.utf8).withUnsafeBytes { TransportAddress.IP(host: $0) }
        }
        #expect(ip("192.0.2.4") == .v4(0xC000_0204))
        #expect(ip("::1") == .v6(high: 0, low: 1))
        for text in ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1..2.3", "1.2.3.4a", "pbx.example", "1234.1.1.1", ":::"] {
            #expect(ip(text) == nil, "\(text)")
        }
    }
}
