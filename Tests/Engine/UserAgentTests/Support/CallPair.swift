// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import Testing
import UserAgent

/// A caller (0) and a callee (1) that do not register and reach each other over the stage's wire.
struct CallPair {
    let stage = Stage()

    init(
        caller: (inout EndpointPlan) -> Void = { _ in }, callee: (inout EndpointPlan) -> Void = { _ in }
    ) {
        stage.add(0, "alice") {
            $0.registers = false
            $0.registrar = TransportAddress(198, 51, 100, 1, port: 6001)
            caller(&$0)
        }
        stage.add(1, "bob") {
            $0.registers = false
            callee(&$0)
        }
    }

    /// Calls; with a callee that answers at once the call is up then.
    func call() { stage.call(0, "sip:bob@198.51.100.1:6001") }

    /// Ends everything and gives what the calls of both saw.
    func finish() throws -> (caller: CallEvidence, callee: CallEvidence) {
        stage.pass(.seconds(1))
        stage.perform(.finishAll(deadline: stage.now + .seconds(200)))
        stage.pass(.seconds(400))
        #expect(stage.shard.openEndpoints == 0 && stage.shard.isIdle, "something is left")
        return (
            try #require(stage.result(0)?.calls.first), try #require(stage.result(1)?.calls.first)
        )
    }

    /// The directions in which the streams of an endpoint were opened or changed, in order.
    func directions(_ stream: UInt64) -> [MediaDirection] {
        stage.media.compactMap { output in
            switch output {
            case .openMedia(stream, let audio), .updateMedia(stream, let audio): audio.direction
            default: nil
            }
        }
    }
}

extension Stage {
    /// An endpoint without registration whose calls go to the scripted server.
    static func lonely(_ change: (inout EndpointPlan) -> Void = { _ in }) -> Stage {
        let stage = Stage()
        stage.add(0, "alice") {
            $0.registers = false
            change(&$0)
        }
        return stage
    }

    /// Ends the endpoint and gives its result; nothing may be left.
    func finished() throws -> EndpointResult {
        pass(.seconds(1))
        perform(.finish(endpoint: 0))
        pass(.seconds(400))
        #expect(shard.isIdle, "something is left")
        return try #require(result(0))
    }
}

extension SIPText {
    /// A request of the peer within the dialog that the INVITE of ours and its answer made.
    func request(
        _ method: String, _ number: Int, fromTag: String = "srv1", _ more: [String] = [], body: String = ""
    ) -> String {
        let tagged = (self["To"] ?? "") + (toTag == nil ? ";tag=\(fromTag)" : "")
        let lines =
            [
                "\(method) sip:alice@198.51.100.1:6000 SIP/2.0",
                "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKpeer\(method)\(number)", "Max-Forwards: 70",
                "From: \(tagged)", "To: \(self["From"] ?? "")", "Call-ID: \(self["Call-ID"] ?? "")",
                "CSeq: \(number) \(method)", "Contact: <sip:peer@192.0.2.1:5060>",
            ] + more
            + (body.isEmpty || more.contains { $0.hasPrefix("Content-Type") } ? [] : ["Content-Type: application/sdp"])
            + ["Content-Length: \(body.utf8.count)"]
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }
}
