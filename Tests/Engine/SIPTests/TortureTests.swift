// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing
import TortureMessages

/// RFC 4475 and RFC 5118 in full: what each message is to the parser, what comes out of it, and what the transaction layer
/// answers by itself.
@Suite struct TortureTests {
    enum Verdict: Equatable, Sendable {
        case good
        /// Not a message; dropped.
        case refused(ParseError.Code)
        /// A message that deserves an answer of 400 or 505, or to be dropped if it is a response.
        case defect(Defect)
    }

    struct Expectation: Sendable {
        var verdict: Verdict
        var fields: [String: String]

        init(_ verdict: Verdict, _ fields: [String: String] = [:]) {
            self.verdict = verdict
            self.fields = fields
        }
    }

    private func read(_ bytes: [UInt8]) -> (Verdict, Message?) {
        do throws(ParseError) {
            let message = try Message.parse(bytes)
            return (message.defect.map { .defect($0) } ?? .good, message)
        } catch { return (.refused(error.code), nil) }
    }

    private func check(_ message: TortureMessage, _ expectation: Expectation) {
        let (verdict, parsed) = read(message.bytes)
        #expect(verdict == expectation.verdict)
        let fields = parsed.map { TortureFields.all(of: $0) } ?? [:]
        for (name, value) in expectation.fields { #expect(fields[name] == value, "\(name)") }
    }

    @Test(arguments: RFC4475.messages) func `each message of RFC 4475 gets its verdict and its fields`(
        message: TortureMessage
    ) throws {
        check(message, try #require(Self.rfc4475[message.name]))
    }

    @Test(arguments: RFC5118.messages) func `each message of RFC 5118 gets its verdict and its fields`(
        message: TortureMessage
    ) throws {
        check(message, try #require(Self.rfc5118[message.name]))
    }

    @Test func `both RFCs are there in full`() {
        #expect(RFC4475.messages.count == 49 && Self.rfc4475.count == 49)
        #expect(Set(RFC5118.messages.map(\.section)) == Set((1...10).map { "4.\($0)" }))
    }

    @Test func `several values where one may stand are the defect of multi01, its length put right`() throws {
        let multi = try #require(RFC4475.messages.first { $0.name == "multi01" })
        let text = String(decoding: multi.bytes, as: UTF8.self).replacing("l: 154", with: "l: 152")
        #expect(read(Array(text.utf8)).0 == .defect(.repeatedHeader))
    }

    @Test(arguments: RFC4475.messages + RFC5118.messages)
    func `a defective request is answered with 400 or 505 where its Via can be read, a response never`(
        message: TortureMessage
    ) throws {
        let (verdict, parsed) = read(message.bytes)
        guard let parsed else { return }
        var layer = TransactionLayer(random: SeededRandom(seed: 1))
        let reception = layer.receive(
            parsed, flow: FlowID(raw: 1), source: TransportAddress(192, 0, 2, 7, port: 5060), isReliable: false,
            now: Instant(nanoseconds: 1))
        let answers = try layer.transmissions.map { try Message.parse(Array(layer.writer.bytes[$0.range])).status }
        switch verdict {
        case .good where parsed.isRequest:
            #expect(answers.isEmpty)
            #expect(reception != .absorbed)
        case .defect(let defect) where parsed.isRequest && defect != .via:
            #expect(answers == [defect == .version ? 505 : 400])
        default: #expect(answers.isEmpty)
        }
    }

    @Test(arguments: RFC4475.messages + RFC5118.messages)
    func `a message that a datagram brings whole comes out of a stream as well, however it is cut`(
        message: TortureMessage
    ) throws {
        let (verdict, parsed) = read(message.bytes)
        guard let parsed, verdict != .defect(.contentLength), parsed.contentLength != nil else { return }
        for cut in stride(from: 1, to: message.bytes.count, by: 7) {
            var framer = StreamFramer()
            var frames: [StreamFramer.Frame] = []
            for piece in [message.bytes[..<cut], message.bytes[cut...]] where frames.isEmpty {
                piece.withUnsafeBytes { framer.append($0) }
                if let frame = try framer.next() { frames.append(frame) }
            }
            guard case .message(let framed) = frames.first else {
                Issue.record("nothing came out, cut at \(cut)")
                return
            }
            #expect(framed.withBytes { Array($0) } == parsed.withBytes { Array($0) })
        }
    }

    @Test func `a control character in a head is refused outside of a quoted pair, so that no answer can carry it on`()
    {
        for byte in [UInt8(0), 7, 11, 13, 27] {
            for text in ["X: a?b", "X: \\?", "X: \"?\"", "X: \"\\\\?\"", "X: \"\" \\?"] {
                var bytes = wire("OPTIONS sip:a@b SIP/2.0\n\(text)\n\n")
                let place = bytes.firstIndex(of: UInt8(ascii: "?"))!
                bytes[place] = byte
                #expect(throws: ParseError(.controlCharacter, at: place)) { try Message.parse(bytes) }
            }
            var bytes = wire("OPTIONS sip:a@b SIP/2.0\nX: \"\\?\"\n\n")
            bytes[bytes.firstIndex(of: UInt8(ascii: "?"))!] = byte
            if byte == 13 {
                #expect(throws: ParseError.self) { try Message.parse(bytes) }
            } else {
                #expect(throws: Never.self) { try Message.parse(bytes) }
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `mutated messages never crash a reader, and answers to them are messages`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let seeds = (RFC4475.messages + RFC5118.messages).map(\.bytes) + [MessageTests.invite]
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
            guard let message = try? Message.parse(bytes) else { continue }
            accepted += TortureFields.all(of: message).isEmpty ? 0 : 1
            var writer = MessageWriter()
            writer.beginResponse(
                to: message, status: 200, toTag: [0x61], source: TransportAddress(127, 0, 0, 1, port: 5060))
            writer.finish()
            // What we make from any accepted message must be a message again.
            #expect(throws: Never.self) { try Message.parse(writer.bytes) }
        }
        #expect(accepted > 200)
    }
}
