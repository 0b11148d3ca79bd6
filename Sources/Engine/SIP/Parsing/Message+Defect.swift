// SPDX-License-Identifier: Apache-2.0

/// What makes a readable message useless: one of the headers that every message needs is missing or bad (RFC 3261 §8.1.1), or
/// its first line or its length is wrong and it is a request, which then gets an answer all the same (RFC 3261 §18.3).
public enum Defect: Hashable, Sendable {
    case via, from, to, callID, cSeq
    /// The request line has more or other white space than single spaces between its three parts (RFC 3261 §7.1).
    case requestLine
    /// The request is of another protocol version than SIP/2.0.
    case version
    /// Content-Length is no number, stands twice with different numbers, or says more than came; the body is left out.
    case contentLength
    /// CSeq names another method than the request line (RFC 3261 §8.1.1.5).
    case methodMismatch
    /// The Request-URI is malformed.
    case requestURI
    /// Max-Forwards is there and not a number of 0…255.
    case maxForwards
    /// A header that must stand once stands twice.
    case repeatedHeader

    /// The status that a request with it deserves: 505 for another version (RFC 3261 §21.5.6), else 400.
    public var status: UInt16 { self == .version ? 505 : 400 }

    /// The reason phrase of the answer that a request with it deserves.
    public var reason: StaticString {
        switch self {
        case .requestLine: "Bad request line"
        case .version: "Version Not Supported"
        case .contentLength: "Bad Content-Length"
        case .via: "Bad or missing Via"
        case .from: "Bad or missing From"
        case .to: "Bad or missing To"
        case .callID: "Bad or missing Call-ID"
        case .cSeq: "Bad or missing CSeq"
        case .methodMismatch: "CSeq method does not match"
        case .requestURI: "Bad Request-URI"
        case .maxForwards: "Bad Max-Forwards"
        case .repeatedHeader: "Repeated header"
        }
    }
}

extension Message {
    /// What is wrong with the message, nil when it can be worked with. A request with a defect is answered with `Defect.status`
    /// where it can be, a response with one is dropped (RFC 3261 §16.3, §18.1.2).
    public var defect: Defect? {
        if let formDefect { return formDefect }
        guard topVia != nil else { return .via }
        guard let from, isUsable(from) else { return .from }
        guard let to, isUsable(to) else { return .to }
        guard callID != nil else { return .callID }
        guard let cSeq else { return .cSeq }
        if case .request(let method, let uri) = startLine {
            guard cSeq.method == method else { return .methodMismatch }
            if method == .other, !bytes(of: cSeq.methodToken).elementsEqual(bytes(of: methodToken)) {
                return .methodMismatch
            }
            guard self.uri(uri) != nil else { return .requestURI }
            guard first(.maxForwards) == nil || maxForwards != nil else { return .maxForwards }
        }
        return hasRepeated ? .repeatedHeader : nil
    }

    private func isUsable(_ address: NameAddress) -> Bool { uri(address.uri) != nil }

    /// Whether From, To, Call-ID, CSeq or Max-Forwards stands more than once.
    private var hasRepeated: Bool {
        var seen: UInt64 = 0
        let single: UInt64 = [HeaderName.from, .to, .callID, .cSeq, .maxForwards].reduce(0) {
            $0 | 1 << UInt64($1.rawValue)
        }
        for place in 0..<headerLines {
            let bit: UInt64 = 1 << UInt64(header(at: place).name.rawValue)
            if bit & single & seen != 0 { return true }
            seen |= bit
        }
        return false
    }
}
