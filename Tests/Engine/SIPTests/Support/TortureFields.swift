// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// Everything that can be read in a message, as text under short names.
enum TortureFields {
    static func all(of message: Message) -> [String: String] {
        var fields = startLine(of: message)
        func put(_ name: String, _ slice: Slice?) { fields[name] = slice.map { message.string(of: $0) } }
        func put(_ name: String, number: (some FixedWidthInteger)?) { fields[name] = number.map { "\($0)" } }
        for (name, address) in [("from", message.from), ("to", message.to)] {
            put(name, address?.uri)
            put("\(name) name", address?.displayName)
        }
        put("from tag", message.fromTag)
        put("to tag", message.toTag)
        put("call-id", message.callID)
        put("cseq", message.cSeq.map { Slice(offset: $0.methodToken.start, length: Int($0.methodToken.length)) })
        put("cseq number", number: message.cSeq?.number)
        put("max-forwards", number: message.maxForwards)
        put("expires", number: message.expires)
        put("retry-after", number: message.retryAfter)
        put("content-type", message.contentType)
        put("content-length", number: message.contentLength)
        fields["body"] = "\(message.body.length)"
        fields["via"] = vias(of: message)
        fields["contact"] = contacts(of: message)
        fields["headers"] = "\(message.headerLines)"
        return fields
    }

    private static func startLine(of message: Message) -> [String: String] {
        switch message.startLine {
        case .response(let status, let reason): return ["status": "\(status)", "reason": message.string(of: reason)]
        case .request(_, let uri):
            var fields = ["method": message.string(of: message.methodToken), "uri": message.string(of: uri)]
            guard let uri = message.uri(uri) else { return fields }
            fields["scheme"] = "\(uri.scheme)"
            fields["user"] = uri.user.map { message.string(of: $0) }
            fields["password"] = uri.password.map { message.string(of: $0) }
            fields["host"] = message.string(of: uri.host)
            fields["port"] = uri.port.map { "\($0)" }
            fields["uri headers"] = message.string(of: uri.headers)
            fields["ip"] = message.ip(of: uri.host)?.text
            return fields
        }
    }

    /// `transport host[:port] branch[ received]` of each Via element.
    private static func vias(of message: Message) -> String {
        var found: [String] = []
        message.forEachVia { via in
            guard let via else {
                found.append("bad")
                return true
            }
            var words = ["\(via.transport)", message.string(of: via.host) + (via.port.map { ":\($0)" } ?? "")]
            words += [via.branch, via.received].compactMap { $0.map { message.string(of: $0) } }
            found.append(words.joined(separator: " "))
            return true
        }
        return found.joined(separator: ", ")
    }

    /// `uri[ name][ expires=n][ q=n]` of each Contact element.
    private static func contacts(of message: Message) -> String {
        var found: [String] = []
        message.forEachContact { contact in
            switch contact {
            case nil: found.append("bad")
            case .all: found.append("*")
            case .address(let address, let expires, let q):
                var words = [message.string(of: address.uri)]
                if let name = address.displayName { words.append(message.string(of: name)) }
                if let expires { words.append("expires=\(expires)") }
                if let q { words.append("q=\(q)") }
                found.append(words.joined(separator: " "))
            }
            return true
        }
        return found.joined(separator: ", ")
    }
}
