// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Testing

@Suite struct DialogTests {
    private func message(_ lines: [String]) throws -> Message {
        try Message.parse(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
    }

    private func ok(_ more: [String] = ["Contact: <sip:b@192.0.2.9:5070>"]) throws -> Message {
        try message(
            [
                "SIP/2.0 200 OK", "Via: SIP/2.0/UDP x;branch=z9hG4bKa", "From: \"A\" <sip:a@x>;tag=local",
                "To: <sip:b@x>;tag=remote",
                "Call-ID: id@host", "CSeq: 7 INVITE",
            ] + more)
    }

    private func invite(_ more: [String] = ["Contact: <sip:a@192.0.2.8>"]) throws -> Message {
        try message(
            [
                "INVITE sip:b@x SIP/2.0", "Via: SIP/2.0/UDP x;branch=z9hG4bKa", "From: <sip:a@x>;tag=remote",
                "To: \"B\" <sip:b@x>",
                "Call-ID: id@host", "CSeq: 7 INVITE",
            ] + more)
    }

    private func request(_ method: String, cSeq: Int, from: String, to: String, callID: String = "id@host") throws
        -> Message
    {
        try message([
            "\(method) sip:b@x SIP/2.0", "Via: SIP/2.0/UDP x;branch=z9hG4bKb", "From: <sip:q@x>;tag=\(from)",
            "To: <sip:w@x>;tag=\(to)", "Call-ID: \(callID)", "CSeq: \(cSeq) \(method)",
        ])
    }

    private func text(_ dialog: inout Dialog, _ method: Method) -> [String] {
        var layer = TransactionLayer(random: SeededRandom(seed: 1))
        var writer = MessageWriter()
        let number = dialog.nextSequence()
        dialog.begin(
            method, sequence: number, transport: .udp, sentBy: TransportAddress(198, 51, 100, 1, port: 6000),
            branch: layer.branch(of: layer.openRequest()), into: &writer)
        writer.finish()
        return String(decoding: writer.bytes, as: UTF8.self).components("\r\n").filter { !$0.hasPrefix("Via") }
    }

    @Test func `a caller's requests repeat From and To of the 2xx and count on from the INVITE (RFC 3261 §12.2.1.1)`()
        throws
    {
        var dialog = try #require(Dialog(caller: try ok(), fallbackTarget: []))
        #expect(
            text(&dialog, .bye) == [
                "BYE sip:b@192.0.2.9:5070 SIP/2.0", "Max-Forwards: 70", "From: \"A\" <sip:a@x>;tag=local",
                "To: <sip:b@x>;tag=remote", "Call-ID: id@host", "CSeq: 8 BYE", "Content-Length: 0",
            ])
        #expect(dialog.nextSequence() == 9)
        #expect(dialog.nextHop == TransportAddress(192, 0, 2, 9, port: 5070))
    }

    @Test func `a callee's requests turn From and To round and carry its tag`() throws {
        var dialog = try #require(
            Dialog(
                callee: try invite(["Contact: <sip:a@192.0.2.8>", "Record-Route: <sip:p1;lr>, <sip:p2;lr>"]),
                localTag: Array("mine".utf8)))
        let lines = text(&dialog, .bye)
        #expect(lines.contains("From: \"B\" <sip:b@x>;tag=mine") && lines.contains("To: <sip:a@x>;tag=remote"))
        #expect(lines.contains("CSeq: 1 BYE") && lines.contains("Route: <sip:p1;lr>, <sip:p2;lr>"))
        #expect(dialog.nextHop == nil, "a name is not resolved here")
    }

    @Test func `without a Contact a caller keeps the Request-URI, a callee makes no dialog`() throws {
        let dialog = try #require(Dialog(caller: try ok([]), fallbackTarget: Array("sip:b@192.0.2.7".utf8)))
        #expect(dialog.requestURI.elementsEqual("sip:b@192.0.2.7".utf8))
        #expect(Dialog(callee: try invite([]), localTag: [1]) == nil)
    }

    @Test func `a request belongs to a dialog by Call-ID and both tags (RFC 3261 §12.2.2)`() throws {
        let dialog = try #require(Dialog(caller: try ok(), fallbackTarget: []))
        #expect(dialog.matches(try request("BYE", cSeq: 1, from: "remote", to: "local")))
        #expect(!dialog.matches(try request("BYE", cSeq: 1, from: "local", to: "remote")))
        #expect(!dialog.matches(try request("BYE", cSeq: 1, from: "other", to: "local")))
        #expect(!dialog.matches(try request("BYE", cSeq: 1, from: "remote", to: "local", callID: "x")))
    }

    @Test func `a peer's numbers must rise, gaps are allowed`() throws {
        var dialog = try #require(Dialog(callee: try invite(), localTag: [0x31]))
        let accepted = [7, 6, 8, 8, 100, 99].map { dialog.accept(sequence: $0) }
        #expect(accepted == [false, false, true, false, true, false])
    }

    @Test func `a target refresh changes the Request-URI and keeps the routes`() throws {
        let routes = ["Contact: <sip:b@192.0.2.9>", "Record-Route: <sip:192.0.2.1;lr>"]
        var dialog = try #require(Dialog(caller: try ok(routes), fallbackTarget: []))
        dialog.refreshTarget(from: try ok(["Contact: <sip:longer-name@198.18.0.1:5099;transport=udp>"]))
        let lines = text(&dialog, .bye)
        #expect(lines[0] == "BYE sip:longer-name@198.18.0.1:5099;transport=udp SIP/2.0")
        #expect(
            lines.contains("Route: <sip:192.0.2.1;lr>") && dialog.nextHop == TransportAddress(192, 0, 2, 1, port: 5060))
        var strict = try #require(
            Dialog(caller: try ok(["Contact: <sip:b@192.0.2.9>", "Record-Route: <sip:192.0.2.1>"]), fallbackTarget: []))
        strict.refreshTarget(from: try ok(["Contact: <sip:new@198.18.0.1>"]))
        let strictLines = text(&strict, .bye)
        #expect(strictLines[0] == "BYE sip:192.0.2.1 SIP/2.0" && strictLines.contains("Route: <sip:new@198.18.0.1>"))
    }

    @Test func `thousands of routes neither trap nor loop`() throws {
        let route = "Record-Route: " + Array(repeating: "<sip:a;lr>", count: 250).joined(separator: ",")
        var dialog = try #require(
            Dialog(caller: try ok(Array(repeating: route, count: 20) + ["Contact: <sip:b@x>"]), fallbackTarget: []))
        #expect(text(&dialog, .bye).count > 5)
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: true).map(String.init)
    }
}
