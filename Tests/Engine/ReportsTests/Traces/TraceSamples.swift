// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics

/// Traces to draw and to write.
enum TraceSamples {
    static let phone = TransportAddress(127, 0, 0, 1, port: 40_112)
    static let server = TransportAddress(127, 0, 0, 1, port: 5_060)

    static func request(_ method: String, _ sequence: Int = 1, headers: String = "", body: String = "") -> String {
        """
        \(method) sip:pbx SIP/2.0\r
        Via: SIP/2.0/UDP 127.0.0.1:40112;branch=z9hG4bK\(method)\(sequence)\r
        From: <sip:a@pbx>;tag=1\r
        To: <sip:a@pbx>\r
        Call-ID: 5f0c@here\r
        CSeq: \(sequence) \(method)\r
        \(headers)Content-Length: \(body.utf8.count)\r
        \r
        \(body)
        """
    }

    static func response(_ status: String, to method: String, _ sequence: Int = 1) -> String {
        request(method, sequence).replacing("\(method) sip:pbx SIP/2.0", with: "SIP/2.0 \(status)", maxReplacements: 1)
    }

    static func message(
        _ text: String, at milliseconds: Int, isSent: Bool, transport: TracedTransport = .udp,
        local: TransportAddress = phone, remote: TransportAddress = server
    ) -> TracedMessage {
        TracedMessage(
            at: .milliseconds(milliseconds), isSent: isSent, transport: transport, local: local, remote: remote,
            bytes: Array(text.utf8))
    }

    /// A registration with a challenge, the first request repeated once.
    static var registration: EndpointTrace {
        let credentials =
            "Authorization: Digest username=\"a\", realm=\"pbx\", nonce=\"1\", uri=\"sip:pbx\", response=\"****\"\r\n"
        return EndpointTrace(
            endpoint: 3, startedAt: UnixTime(nanoseconds: 1_700_000_000_000_000_000),
            messages: [
                message(request("REGISTER"), at: 100, isSent: true),
                message(request("REGISTER"), at: 600, isSent: true),
                message(response("401 Unauthorized", to: "REGISTER"), at: 601, isSent: false),
                message(request("REGISTER", 2, headers: credentials), at: 602, isSent: true),
                message(response("200 OK", to: "REGISTER", 2), at: 12_700, isSent: false),
            ])
    }

    /// Random messages over every transport and both families.
    static func drawn(from random: inout SeededRandom, count: Int = 20) -> EndpointTrace {
        func address(isV6: Bool) -> TransportAddress {
            let port = UInt16(truncatingIfNeeded: random.next())
            return isV6
                ? TransportAddress(ip: .v6(high: random.next(), low: random.next()), port: port)
                : TransportAddress(ip: .v4(UInt32(truncatingIfNeeded: random.next())), port: port)
        }
        return EndpointTrace(
            endpoint: 0, startedAt: UnixTime(nanoseconds: 1_700_000_000_000_000_000),
            messages: (0..<count).map { number in
                let isV6 = random.chance(0.5)
                let bytes = (0..<Int(random.next() % 3_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                return TracedMessage(
                    at: .milliseconds(number * 10 + Int(random.next() % 10)), isSent: random.chance(0.5),
                    transport: TracedTransport.allCases[Int(random.next() % 5)], local: address(isV6: isV6),
                    remote: address(isV6: isV6), bytes: bytes)
            })
    }
}
