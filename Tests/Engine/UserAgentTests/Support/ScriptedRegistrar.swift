// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// A registrar that answers as its script says; REGISTER requests only.
struct Challenge401 {
    var realm = "example.org"
    var nonce: String
    var more = ""
    var isProxy = false

    var header: String {
        "\(isProxy ? "Proxy-Authenticate" : "WWW-Authenticate"): Digest realm=\"\(realm)\", nonce=\"\(nonce)\", qop=\"auth\"\(more)"
    }

    func answer(_ request: SIPText) -> String { request.response(isProxy ? 407 : 401, "Unauthorized", [header]) }
}

extension SIPText {
    /// A 200 that grants the Contact as a registrar does.
    func registered(expires: Int = 3600, others: [String] = []) -> String {
        let contact = self["Contact"] ?? ""
        let granted = self["Expires"] == "0" ? [] : ["Contact: \(contact);expires=\(expires)"]
        return response(200, "OK", granted + others.map { "Contact: \($0)" })
    }

    /// A 200 to an INVITE with a G.711 answer.
    func accepted(contact: String = "<sip:peer@192.0.2.1:5060>", toTag: String = "srv1", more: [String] = []) -> String
    {
        response(
            200, "OK", toTag: toTag, ["Contact: \(contact)", "Content-Type: application/sdp"] + more, body: Self.answer)
    }

    static let answer =
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
}
