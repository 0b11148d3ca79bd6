// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

/// The messages of RFC 4475 that matter to a user agent, shortened to what each one is about.
@Suite struct TortureTests {
    enum Verdict: Equatable, Sendable {
        case good
        /// Not a message; for a request the RFC's answer is 400, or 505 for `version`.
        case refused(ParseError.Code)
        /// A message that deserves 400, or to be dropped if it is a response.
        case defect(Defect)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var section: String
        var verdict: Verdict
        var text: String
        var testDescription: String { section }
    }

    private static let head = """
        Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw
        Max-Forwards: 70
        To: sip:user@example.com
        From: sip:caller@example.net;tag=242etr
        Call-ID: id.0ha0isndaksdj@192.0.2.1
        CSeq: 8 OPTIONS

        """

    static let cases: [Case] = [
        Case(
            section: "3.1.1.1 wsinv", verdict: .good,
            text: """
                INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
                TO :
                 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
                from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
                  ;
                  tag = 98asjd8
                MaX-fOrWaRdS: 0068
                Call-ID: wsinv.ndaksdj@192.0.2.1
                Content-Length   : 3
                cseq: 0009
                  INVITE
                Via  : SIP  /   2.0
                 /UDP
                    192.0.2.2;branch=390skdjuw
                s :
                NewFangledHeader:   newfangled value
                 continued newfangled value
                UnknownHeaderWithUnusualValue: ;;,,;;,;
                Content-Type: application/sdp
                Route:
                 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
                v:  SIP  / 2.0  / TCP     spindle.example.com   ;
                  branch  =   z9hG4bK9ikj8  ,
                 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
                 z9hG4bK30239
                m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
                      newvalue ;
                  secondparam ; q = 0.33

                v=0
                """),
        Case(
            section: "3.1.1.2 intmeth", verdict: .good,
            text: """
                !interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0
                Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~
                To: "BEL:\u{7} NUL: DEL:\u{7F}" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
                From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com> ;fromParam''~+*_!.-%="\u{440}\u{430}";tag=_token~1'+`*%!-.
                Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/"][?}{
                CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~
                Max-Forwards: 255


                """.replacing("BEL:\u{7}", with: "BEL:")),
        Case(
            section: "3.1.1.3 esc01", verdict: .good,
            text: """
                INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
                To: sip:%75se%72@example.com
                From: <sip:I%20have%20spaces@example.net>;tag=938
                Max-Forwards: 87
                i: esc01.239409asdfakjkn23onasd0-3234
                CSeq: 234234 INVITE
                Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
                C: application/sdp
                Contact:
                  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>


                """),
        Case(
            section: "3.1.1.4 escnull", verdict: .good,
            text: """
                REGISTER sip:example.com SIP/2.0
                To: sip:null-%00-null@example.com
                From: sip:null-%00-null@example.com;tag=839923423
                Max-Forwards: 70
                Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
                CSeq: 14398234 REGISTER
                Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
                Contact: <sip:%00@host5.example.com>
                Contact: <sip:%00%00@host5.example.com>
                L:0


                """),
        Case(
            section: "3.1.1.6 lwsdisp", verdict: .good,
            text: "OPTIONS sip:user@example.com SIP/2.0\n"
                + head.replacing("From: sip:caller@example.net", with: "From: caller<sip:caller@example.com>")
                + "\n"),
        Case(
            section: "3.1.1.8 transports", verdict: .good,
            text: "OPTIONS sip:user@example.com SIP/2.0\n" + head
                + "Via: SIP/2.0/SCTP host2.example.com;branch=z9hG4bK1\nVia: SIP/2.0/UNKNOWN h;branch=z9hG4bK2\n\n"),
        Case(
            section: "3.1.1.10 unreason", verdict: .good,
            text: "SIP/2.0 200 = 2**3 * 5**2 \u{43D}\u{43E} \u{441}\u{442}\u{43E}\n" + head + "\n"),
        Case(section: "3.1.1.11 noreason", verdict: .good, text: "SIP/2.0 100 \n" + head + "\n"),
        Case(
            section: "3.1.2.1 badinv01", verdict: .defect(.via),
            text: "OPTIONS sip:user@example.com SIP/2.0\n"
                + head.replacing("host1.example.com;branch=z9hG4bKkdjuw", with: "192.0.2.15;;,;,,") + "\n"),
        Case(
            section: "3.1.2.2 clerr", verdict: .refused(.contentLength),
            text: "OPTIONS sip:user@example.com SIP/2.0\n" + head + "Content-Length: 9999\n\nshort"),
        Case(
            section: "3.1.2.3 ncl", verdict: .refused(.contentLength),
            text: "OPTIONS sip:user@example.com SIP/2.0\n" + head + "Content-Length: -999\n\nshort"),
        Case(
            section: "3.1.2.4 scalar02", verdict: .defect(.cSeq),
            text: "OPTIONS sip:user@example.com SIP/2.0\n"
                + head.replacing("CSeq: 8", with: "CSeq: 36893488147419103232") + "\n"),
        Case(
            section: "3.1.2.4 scalar02, Max-Forwards", verdict: .defect(.maxForwards),
            text: "OPTIONS sip:user@example.com SIP/2.0\n" + head.replacing("Forwards: 70", with: "Forwards: 300")
                + "\n"),
        Case(
            section: "3.1.2.5 scalarlg", verdict: .defect(.cSeq),
            text: "SIP/2.0 503 Service Unavailable\n"
                + head.replacing("CSeq: 8", with: "CSeq: 9292394834772304023312")
                + "Retry-After: 949302838503028349304023988\n\n"),
        Case(
            section: "3.1.2.6 quotbal", verdict: .defect(.to),
            text: "OPTIONS sip:user@example.com SIP/2.0\n"
                + head.replacing("To: sip:user@example.com", with: "To: \"Mr. J. User <sip:j.user@example.com>") + "\n"),
        Case(
            section: "3.1.2.7 ltgtruri", verdict: .defect(.requestURI),
            text: "OPTIONS <sip:user@example.com> SIP/2.0\n" + head + "\n"),
        Case(
            section: "3.1.2.8 lwsruri", verdict: .refused(.startLine),
            text: "OPTIONS sip:user@example.com; lr SIP/2.0\n" + head + "\n"),
        Case(
            section: "3.1.2.9 lwsstart", verdict: .refused(.startLine),
            text: "OPTIONS  sip:user@example.com  SIP/2.0\n" + head + "\n"),
        Case(
            section: "3.1.2.10 trws", verdict: .refused(.startLine),
            text: "OPTIONS sip:remote-target@example.com SIP/2.0  \n" + head + "\n"),
        Case(
            section: "3.1.2.11 escruri", verdict: .good,
            text: "OPTIONS sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0\n" + head + "\n"),
        Case(
            section: "3.1.2.13 regbadct: a question mark outside brackets is taken as part of the URI", verdict: .good,
            text: "OPTIONS sip:example.com SIP/2.0\n" + head
                + "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\n\n"),
        Case(
            section: "3.1.2.14 badaspec: the RFC lets a lenient element accept the spaces", verdict: .good,
            text: "OPTIONS sip:user@example.org SIP/2.0\n"
                + head.replacing(
                    "To: sip:user@example.com", with: "To: \"Watson, Thomas\" < sip:t.watson@example.org >") + "\n"),
        Case(
            section: "3.1.2.15 baddn", verdict: .defect(.from),
            text: "OPTIONS sip:t.watson@example.org SIP/2.0\n"
                + head.replacing(
                    "From: sip:caller@example.net", with: "From: Bell, Alexander <sip:a.g.bell@example.com>") + "\n"),
        Case(
            section: "3.1.2.16 badvers", verdict: .refused(.version),
            text: "OPTIONS sip:t.watson@example.org SIP/7.0\n" + head + "\n"),
        Case(
            section: "3.1.2.17 mismatch01", verdict: .defect(.methodMismatch),
            text: "INVITE sip:user@example.com SIP/2.0\n" + head + "\n"),
        Case(
            section: "3.1.2.18 mismatch02", verdict: .defect(.methodMismatch),
            text: "NEWMETHOD sip:user@example.com SIP/2.0\n" + head.replacing("CSeq: 8 OPTIONS", with: "CSeq: 8 INVITE")
                + "\n"),
        Case(
            section: "3.1.2.19 bigcode", verdict: .refused(.startLine),
            text: "SIP/2.0 4294967301 better not break the receiver\n" + head + "\n"),
        Case(
            section: "3.3.1 insuf", verdict: .defect(.from),
            text:
                "INVITE sip:user@example.com SIP/2.0\nCSeq: 193942 INVITE\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\n\n"
        ),
        Case(
            section: "3.3.2 unkscm", verdict: .good,
            text: "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0\n" + head + "\n"),
        Case(
            section: "3.3.8 multi01", verdict: .defect(.repeatedHeader),
            text: "OPTIONS sip:user@company.com SIP/2.0\n" + head + "CSeq: 59 OPTIONS\nCall-ID: another\n\n"),
        Case(
            section: "3.3.9 mcl01", verdict: .refused(.contentLength),
            text: "OPTIONS sip:user@example.com SIP/2.0\n" + head
                + "Content-Length: 13\nContent-Length: 5\n\nthere is no end"),
        Case(
            section: "3.3.10 bcast: a 200 whose Via is another's", verdict: .good,
            text: "SIP/2.0 200 OK\n" + head + "\n"),
        Case(
            section: "3.3.13 regaut01: an unknown scheme in Authorization", verdict: .good,
            text: "OPTIONS sip:example.com SIP/2.0\n" + head
                + "Authorization: NoOneKnowsThisScheme opaque-data=here\n\n"),
        Case(
            section: "3.4.1 inv2543", verdict: .good,
            text:
                "INVITE sip:UserB@example.com SIP/2.0\nVia: SIP/2.0/UDP iftgw.example.com\nFrom: <sip:+13035551111@ift.client.example.net;user=phone>\nCall-ID: inv2543.1717@ift.client.example.com\nTo: sip:+16505552222@ss1.example.net;user=phone\nCSeq: 56 INVITE\n\n"
        ),
    ]

    private func verdict(_ text: String) -> (Verdict, Message?) {
        do throws(ParseError) {
            let message = try Message.parse(wire(text))
            return (message.defect.map { .defect($0) } ?? .good, message)
        } catch { return (.refused(error.code), nil) }
    }

    @Test(arguments: cases) func `each message of RFC 4475 gets its verdict`(item: Case) {
        #expect(verdict(item.text).0 == item.verdict)
    }

    @Test func `the tortuous INVITE means what its author meant`() throws {
        let message = try #require(verdict(Self.cases[0].text).1)
        #expect(message.toTag.map { message.string(of: $0) } == "1918181833n")
        #expect(message.fromTag.map { message.string(of: $0) } == "98asjd8")
        #expect(message.maxForwards == 68)
        #expect(message.cSeq?.number == 9)
        var vias: [String] = []
        message.forEachVia { via in
            vias.append(
                via.map {
                    "\($0.transport) \(message.string(of: $0.host)) \($0.branch.map { message.string(of: $0) } ?? "")"
                } ?? "bad")
            return true
        }
        #expect(
            vias == [
                "udp 192.0.2.2 390skdjuw", "tcp spindle.example.com z9hG4bK9ikj8", "udp 192.168.255.111 z9hG4bK30239",
            ])
        var seen: (name: String, q: UInt16?)?
        message.forEachContact { contact in
            if case .address(let address, _, let q) = contact {
                seen = (address.displayName.map { message.string(of: $0) } ?? "", q)
            }
            return true
        }
        #expect(seen?.name == "Quoted string \\\"\\\"" && seen?.q == 330)
        #expect(message.string(of: message.body) == "v=0")
    }

    @Test func `a control character in a head is refused, so that no answer of ours can carry it on`() {
        for byte in [UInt8(0), 7, 11, 13, 27] {
            var bytes = wire("OPTIONS sip:a@b SIP/2.0\nX: a?b\n\n")
            bytes[bytes.firstIndex(of: UInt8(ascii: "?"))!] = byte
            #expect(throws: ParseError(.controlCharacter, at: 29)) { try Message.parse(bytes) }
        }
    }

    /// Reads everything there is in a message; what it finds does not matter, that it ends does.
    private func readAll(_ message: Message) -> Int {
        var total = message.defect == nil ? 1 : 0
        message.forEachVia { via in
            total += via?.branch == nil ? 1 : 2; return true
        }
        message.forEachContact { contact in
            total += contact == nil ? 1 : 2; return true
        }
        for name in HeaderName.allCases {
            total += message.elementCount(name)
            message.forEachAddress(name) { address in
                if let address { total += message.uri(address.uri) == nil ? 1 : 2 }
                return true
            }
        }
        total += message.challenges(.wwwAuthenticate).count
        message.forEachAuthorization(.authorization) { _ in
            total += 1; return true
        }
        total += Int(message.retryAfter ?? 0) & 1
        var writer = MessageWriter()
        writer.beginResponse(
            to: message, status: 200, toTag: [0x61], source: TransportAddress(127, 0, 0, 1, port: 5060))
        writer.finish()
        // What we make from any accepted message must be a message again.
        #expect(throws: Never.self) { try Message.parse(writer.bytes) }
        return total
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `mutated messages never crash a reader, and answers to them are messages`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let seeds = Self.cases.map { wire($0.text) } + [MessageTests.invite]
        let interesting: [UInt8] = Array("\r\n\t \";,<>@:=[]/%\\*".utf8) + [0, 0x7F, 0x80, 0xFF]
        var accepted = 0
        for _ in 0..<1500 {
            var bytes = seeds[Int(random.next() % UInt64(seeds.count))]
            for _ in 0..<(1 + random.next() % 6) where !bytes.isEmpty {
                let place = Int(random.next() % UInt64(bytes.count))
                switch random.next() % 5 {
                case 0: bytes[place] = interesting[Int(random.next() % UInt64(interesting.count))]
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(interesting[Int(random.next() % UInt64(interesting.count))], at: place)
                case 3: bytes[place] ^= 1 << UInt8(random.next() % 8)
                default:
                    let end = min(bytes.count, place + Int(random.next() % 40))
                    bytes.insert(contentsOf: bytes[place..<end], at: place)
                }
            }
            if let message = try? Message.parse(bytes) { accepted += readAll(message) > 0 ? 1 : 0 }
        }
        #expect(accepted > 200)
    }
}
