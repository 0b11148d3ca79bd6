// SPDX-License-Identifier: Apache-2.0

import SIP

/// What the RFCs say each message is, by its short name.
extension TortureTests {
    static let rfc4475: [String: Expectation] = valid4475.merging(invalid4475) { $1 }.merging(application4475) { $1 }

    private static let valid4475: [String: Expectation] = [
        "wsinv": Expectation(
            .good,
            [
                "to": "sip:vivekg@chair-dnrc.example.com", "to tag": "1918181833n", "from tag": "98asjd8",
                "from name": #"J Rosenberg \\\""#, "from": "sip:jdrosen@example.com", "max-forwards": "68",
                "cseq number": "9", "cseq": "INVITE", "body": "150", "content-type": "application/sdp",
                "via":
                    "udp 192.0.2.2 390skdjuw, tcp spindle.example.com z9hG4bK9ikj8, udp 192.168.255.111 z9hG4bK30239",
                "contact": #"sip:jdrosen@example.com Quoted string \"\" q=330"#,
            ]),
        "intmeth": Expectation(
            .good,
            [
                "method": "!interesting-Method0123456789_*+`.%indeed'~", "host": "example.com",
                "cseq": "!interesting-Method0123456789_*+`.%indeed'~", "cseq number": "139122385",
                "user": "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
                "password": "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
                "via": "tcp host1.example.com z9hG4bK-.!%66*_+`'~", "to name": "BEL:\\\u{7} NUL:\\\0 DEL:\\\u{7F}",
                "to": "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com",
                "from name": "token1~` token2'+_ token3*%!.-", "from tag": "_token~1'+`*%!-.",
                "call-id": #"intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{"#, "max-forwards": "255", "headers": "8",
            ]),
        "esc01": Expectation(
            .good,
            [
                "user": "sips%3Auser%40example.com", "host": "example.net", "to": "sip:%75se%72@example.com",
                "from": "sip:I%20have%20spaces@example.net", "body": "150",
                "contact": "sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31",
            ]),
        "escnull": Expectation(
            .good,
            [
                "method": "REGISTER", "to": "sip:null-%00-null@example.com",
                "contact": "sip:%00@host5.example.com, sip:%00%00@host5.example.com",
            ]),
        "esc02": Expectation(
            .good,
            [
                "method": "RE%47IST%45R", "cseq": "RE%47IST%45R", "to name": "%Z%45",
                "contact": "sip:alias1@host1.example.com, sip:alias3@host3.example.com",
            ]),
        "lwsdisp": Expectation(.good, ["from name": "caller", "from": "sip:caller@example.com", "from tag": "323"]),
        "longreq": Expectation(
            .good,
            [
                "to name": "I have a user name of \(String(repeating: "extreme", count: 10)) proportion",
                "from tag": "12\(String(repeating: "982", count: 50))424", "headers": "43", "body": "150",
                "contact": "sip:\(String(repeating: "amazinglylongcallername", count: 5))@host5.example.net",
                "call-id": "longreq.one\(String(repeating: "really", count: 20))longcallid",
            ]),
        "dblreq": Expectation(
            .good,
            ["method": "REGISTER", "body": "0", "call-id": "dblreq.0ha0isndaksdj99sdfafnl3lk233412", "headers": "8"]),
        "semiuri": Expectation(.good, ["user": "user;par=u%40example.net", "host": "example.com"]),
        "transports": Expectation(
            .good,
            [
                "via": "udp t1.example.com z9hG4bKkdjuw, other t2.example.com z9hG4bKklasjdhf, "
                    + "tls t3.example.com z9hG4bK2980unddj, other t4.example.com z9hG4bKasd0f3en, "
                    + "tcp t5.example.com z9hG4bK0a9idfnee"
            ]),
        "mpart01": Expectation(.good, ["method": "MESSAGE", "body": "553", "content-type": "multipart/mixed"]),
        "unreason": Expectation(
            .good,
            [
                "status": "200", "body": "154",
                "reason": "= 2**3 * 5**2 \u{43D}\u{43E} \u{441}\u{442}\u{43E} \u{434}\u{435}\u{432}\u{44F}"
                    + "\u{43D}\u{43E}\u{441}\u{442}\u{43E} \u{434}\u{435}\u{432}\u{44F}\u{442}\u{44C} - "
                    + "\u{43F}\u{440}\u{43E}\u{441}\u{442}\u{43E}\u{435}",
            ]),
        "noreason": Expectation(.good, ["status": "100", "reason": ""]),
    ]

    private static let invalid4475: [String: Expectation] = [
        "badinv01": Expectation(.defect(.via), ["contact": "bad"]),
        "clerr": Expectation(.defect(.contentLength), ["content-length": "9999", "body": "0"]),
        "ncl": Expectation(.defect(.contentLength), ["body": "0"]),
        "scalar02": Expectation(.defect(.cSeq), ["contact": "sip:user@host129.example.com"]),
        "scalarlg": Expectation(.defect(.cSeq), ["status": "503"]),
        "quotbal": Expectation(.defect(.to)),
        "ltgtruri": Expectation(.defect(.requestURI), ["body": "159"]),
        "lwsruri": Expectation(.defect(.requestLine), ["uri": "sip:user@example.com; lr", "body": "159"]),
        "lwsstart": Expectation(.defect(.requestLine), ["uri": "sip:user@example.com", "body": "150"]),
        "trws": Expectation(.defect(.requestLine), ["uri": "sip:remote-target@example.com"]),
        // The header in the URI is seen and not acted upon, which the RFC leaves to a lenient element.
        "escruri": Expectation(.good, ["uri headers": "Route=%3Csip:example.com%3E", "body": "150"]),
        // Date is not read.
        "baddate": Expectation(.good, ["body": "150"]),
        // Nothing here is ambiguous: the whole of it is the URI.
        "regbadct": Expectation(.good, ["contact": "sip:user@example.com?Route=%3Csip:sip.example.com%3E"]),
        // A lenient element may accept the spaces.
        "badaspec": Expectation(.good, ["to": "sip:t.watson@example.org", "to name": "Watson, Thomas"]),
        "baddn": Expectation(.defect(.from)),
        "badvers": Expectation(.defect(.version), ["via": "udp c.example.com z9hG4bKkdjuw"]),
        "mismatch01": Expectation(.defect(.methodMismatch), ["method": "OPTIONS", "cseq": "INVITE"]),
        "mismatch02": Expectation(.defect(.methodMismatch), ["method": "NEWMETHOD", "body": "138"]),
        "bigcode": Expectation(.refused(.startLine)),
    ]

    private static let application4475: [String: Expectation] = [
        "badbranch": Expectation(.good, ["via": "udp 192.0.2.1 z9hG4bK"]),
        "insuf": Expectation(.defect(.from), ["body": "152", "cseq number": "193942"]),
        "unkscm": Expectation(.good, ["scheme": "other", "host": "totallyopaquecontent"]),
        "novelsc": Expectation(.good, ["scheme": "other", "uri": "soap.beep://192.0.2.103:3002"]),
        "unksm2": Expectation(
            .good,
            [
                "to": "isbn:2983792873", "from": "http://www.example.com", "from tag": "3234233",
                "contact": "name:John_Smith",
            ]),
        "bext01": Expectation(.good, ["via": "tls fold-and-staple.example.com z9hG4bKkdjuw"]),
        "invut": Expectation(.good, ["content-type": "application/unknownformat", "body": "40"]),
        "regaut01": Expectation(.good, ["content-length": "0"]),
        // The RFC prints a length of 154 for a body of 152, which is found first.
        "multi01": Expectation(.defect(.contentLength)),
        "mcl01": Expectation(.defect(.contentLength)),
        "bcast": Expectation(
            .good, ["via": "udp 192.0.2.198 z9hG4bK1324923, udp 255.255.255.255 z9hG4bK1saber23", "body": "154"]),
        "zeromf": Expectation(.good, ["max-forwards": "0"]),
        // Without brackets the parameter is the header's, with them it is the URI's.
        "cparam01": Expectation(.good, ["contact": "sip:+19725552222@gw1.example.net"]),
        "cparam02": Expectation(.good, ["contact": "sip:+19725552222@gw1.example.net;unknownparam"]),
        "regescrt": Expectation(.good, ["contact": "sip:user@example.com?Route=%3Csip:sip.example.com%3E"]),
        "sdp01": Expectation(.good, ["body": "150"]),
        "inv2543": Expectation(
            .good, ["via": "udp iftgw.example.com", "body": "105", "to": "sip:+16505552222@ss1.example.net"]),
    ]

    static let rfc5118: [String: Expectation] = [
        "ipv6-good": Expectation(
            .good,
            [
                "host": "2001:db8::10", "ip": "2001:db8::10", "via": "udp 2001:db8::9:1 z9hG4bKas3-111",
                "contact": "sip:caller@[2001:db8::1] Caller",
            ]),
        "ipv6-bad": Expectation(.defect(.requestURI)),
        "port-ambiguous": Expectation(.good, ["host": "2001:db8::10:5070", "ip": "2001:db8::10:5070"]),
        "port-unambiguous": Expectation(.good, ["host": "2001:db8::10", "port": "5070"]),
        "via-received-param-with-delim": Expectation(
            .good, ["via": "udp 2001:db8::9:1 z9hG4bKas3-111 2001:db8::9:255", "method": "BYE"]),
        "via-received-param-no-delim": Expectation(.good, ["via": "udp 2001:db8::9:1 z9hG4bKas3 2001:db8::9:255"]),
        "ipv6-in-sdp": Expectation(.defect(.contentLength)),
        "ipv6-in-sdp-length": Expectation(.good, ["user": "user", "ip": "2001:db8::10", "body": "251"]),
        "mult-ip-in-header": Expectation(
            .good,
            [
                "via": "udp 2001:db8::9:1:6050 z9hG4bKas3-111, udp 192.0.2.1 z9hG4bKjhja8781hjuaij65144, "
                    + "tcp 2001:db8::9:255 z9hG4bK451jj 192.0.2.200"
            ]),
        // The printed length cuts the last line of the description short.
        "mult-ip-in-sdp": Expectation(.good, ["body": "181"]),
        "mult-ip-in-sdp-length": Expectation(.good, ["body": "189"]),
        "ipv4-mapped-ipv6": Expectation(.good, ["body": "236"]),
        "ipv4-mapped-ipv6-length": Expectation(
            .good,
            [
                "via": "udp ::ffff:192.0.2.10:19823 z9hG4bKbh19, udp ::ffff:192.0.2.2 z9hG4bKas3-111",
                "contact": "sip:ted@[::ffff:192.0.2.2] T. desk phone", "body": "243",
            ]),
        // The third colon comes from the grammar of RFC 3261; a reader takes it for the two that RFC 4291 has.
        "ipv6-bug-abnf-3-colons": Expectation(
            .good, ["host": "2001:db8:::192.0.2.1", "ip": "2001:db8::c000:201"]),
        "ipv6-correct-abnf-2-colons": Expectation(
            .good, ["host": "2001:db8::192.0.2.1", "ip": "2001:db8::c000:201"]),
    ]
}
