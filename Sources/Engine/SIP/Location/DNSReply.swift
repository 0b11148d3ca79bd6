// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Reads replies of DNS servers (RFC 1035 §4): only what a question of ours needs, and from hostile bytes as well.
enum DNSReply {
    /// Records beyond this many of one answer are passed over: no SIP domain has as many servers.
    static let mostRecords = 64
    /// Aliases followed within one answer; resolvers stop near this number too.
    static let mostAliases = 8
    /// Jumps of one compressed name; a longer chain is a loop (RFC 1035 §4.1.4).
    static let mostPointers = 16
    /// Without an SOA record, a negative answer says nothing of its life; RFC 2308 §5 wants it not kept then.
    static let unknownNegativeLife: UInt32 = 0
    /// The longest life of a negative answer (RFC 2308 §5 recommends one to three hours at most).
    static let longestNegativeLife: UInt32 = 3600

    /// One record, its data by place in the message.
    struct Record {
        var owner: String
        var type: UInt16
        var ttl: UInt32
        var data: Range<Int>
    }

    private static let soa: UInt16 = 6
    private static let cname: UInt16 = 5

    /// The answer in a reply to a question.
    static func read(_ bytes: [UInt8], to question: DNSQuestion) -> DNSAnswer {
        guard bytes.count >= 12 else { return DNSAnswer(.failed(.malformed)) }
        let code = bytes[3] & 15
        guard code == 0 || code == 3 else { return DNSAnswer(.failed(.serverError(code))) }
        guard bytes[2] & 0x80 != 0, let sections = sections(of: bytes) else { return DNSAnswer(.failed(.malformed)) }
        if code == 3 { return DNSAnswer(.noSuchName, ttl: negativeLife(sections.authority, bytes)) }
        let (records, life) = matching(question, sections.answer, bytes)
        guard !records.isEmpty else { return DNSAnswer(.none, ttl: negativeLife(sections.authority, bytes)) }
        guard let content = content(of: records, question.kind, bytes) else { return DNSAnswer(.failed(.malformed)) }
        return DNSAnswer(content, ttl: life)
    }

    // MARK: - Sections

    private static func sections(of bytes: [UInt8]) -> (answer: [Record], authority: [Record])? {
        var place = 12
        for _ in 0..<number(bytes, 4) {
            guard let (_, end) = name(bytes, at: place), end + 4 <= bytes.count else { return nil }
            place = end + 4
        }
        guard let answer = records(Int(number(bytes, 6)), bytes, &place) else { return nil }
        // What is cut off behind the answers only costs the life of a negative answer.
        let authority = records(Int(number(bytes, 8)), bytes, &place) ?? []
        return (answer, authority)
    }

    private static func records(_ count: Int, _ bytes: [UInt8], _ place: inout Int) -> [Record]? {
        var result: [Record] = []
        for _ in 0..<count {
            guard let (owner, end) = name(bytes, at: place), end + 10 <= bytes.count else { return nil }
            let length = Int(number(bytes, end + 8))
            guard end + 10 + length <= bytes.count else { return nil }
            let ttl = UInt32(number(bytes, end + 4)) << 16 | UInt32(number(bytes, end + 6))
            place = end + 10 + length
            if result.count < mostRecords {
                // A life with the highest bit set counts as zero (RFC 2181 §8).
                result.append(
                    Record(
                        owner: owner, type: number(bytes, end), ttl: ttl > UInt32(Int32.max) ? 0 : ttl,
                        data: end + 10..<place))
            }
        }
        return result
    }

    /// The records of the wanted type at the name or at what it is an alias of, and the shortest life on the way.
    private static func matching(
        _ question: DNSQuestion, _ answer: [Record], _ bytes: [UInt8]
    ) -> (records: [Record], life: UInt32) {
        var owner = question.name
        var life = UInt32.max
        for _ in 0...mostAliases {
            let found = answer.filter { $0.type == question.kind.rawValue && $0.owner == owner }
            if !found.isEmpty { return (found, found.reduce(life) { min($0, $1.ttl) }) }
            guard let alias = answer.first(where: { $0.type == cname && $0.owner == owner }),
                let (next, _) = name(bytes, at: alias.data.lowerBound)
            else { break }
            life = min(life, alias.ttl)
            owner = next
        }
        return ([], 0)
    }

    private static func negativeLife(_ authority: [Record], _ bytes: [UInt8]) -> UInt32 {
        guard let record = authority.first(where: { $0.type == soa }), record.data.count >= 20 else {
            return unknownNegativeLife
        }
        let end = record.data.upperBound
        let minimum = UInt32(number(bytes, end - 4)) << 16 | UInt32(number(bytes, end - 2))
        return min(record.ttl, minimum, longestNegativeLife)
    }

    // MARK: - Records

    private static func content(of records: [Record], _ kind: DNSQuestion.Kind, _ bytes: [UInt8]) -> DNSAnswer.Content?
    {
        switch kind {
        case .a, .aaaa:
            let addresses = records.compactMap { address(bytes[$0.data]) }
            return addresses.count == records.count ? .addresses(addresses) : nil
        case .srv:
            let found = records.compactMap { service(bytes, $0.data) }
            return found.count == records.count ? .srv(found) : nil
        case .naptr:
            let found = records.compactMap { pointer(bytes, $0.data) }
            return found.count == records.count ? .naptr(found) : nil
        }
    }

    private static func address(_ data: ArraySlice<UInt8>) -> TransportAddress.IP? {
        switch data.count {
        case 4: return .v4(data.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            return .v6(
                high: data.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: data.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
        default: return nil
        }
    }

    private static func service(_ bytes: [UInt8], _ data: Range<Int>) -> SRVRecord? {
        guard data.count >= 7, let (target, end) = name(bytes, at: data.lowerBound + 6), end == data.upperBound else {
            return nil
        }
        return SRVRecord(
            priority: number(bytes, data.lowerBound), weight: number(bytes, data.lowerBound + 2),
            port: number(bytes, data.lowerBound + 4), target: target)
    }

    private static func pointer(_ bytes: [UInt8], _ data: Range<Int>) -> NAPTRRecord? {
        guard data.count >= 8 else { return nil }
        var place = data.lowerBound + 4
        var texts: [String] = []
        for _ in 0..<3 {
            guard place < data.upperBound, place + 1 + Int(bytes[place]) < data.upperBound else { return nil }
            texts.append(String(decoding: bytes[(place + 1)..<(place + 1 + Int(bytes[place]))], as: UTF8.self))
            place += 1 + Int(bytes[place])
        }
        guard let (replacement, end) = name(bytes, at: place), end == data.upperBound else { return nil }
        return NAPTRRecord(
            order: number(bytes, data.lowerBound), preference: number(bytes, data.lowerBound + 2), flags: texts[0],
            service: texts[1], regexp: texts[2], replacement: replacement)
    }

    // MARK: - Bytes

    /// The number in two bytes; the caller has checked that they are there.
    private static func number(_ bytes: [UInt8], _ place: Int) -> UInt16 {
        UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])
    }

    /// The name at a place, in lower case, and where it ends there; nil when it runs out of the message, is too long or loops.
    private static func name(_ bytes: [UInt8], at start: Int) -> (text: String, end: Int)? {
        var text: [UInt8] = []
        var place = start
        var end: Int?
        var pointers = 0
        while place < bytes.count {
            let length = Int(bytes[place])
            switch length {
            case 0: return (String(decoding: text, as: UTF8.self).lowercased(), end ?? place + 1)
            case 1...63:
                guard place + 1 + length <= bytes.count, text.count + length < 254 else { return nil }
                if !text.isEmpty { text.append(UInt8(ascii: ".")) }
                text += bytes[(place + 1)...(place + length)]
                place += 1 + length
            case 0xC0...0xFF:
                guard place + 1 < bytes.count, pointers < mostPointers else { return nil }
                end = end ?? place + 2
                pointers += 1
                place = (length & 0x3F) << 8 | Int(bytes[place + 1])
            default: return nil
            }
        }
        return nil
    }
}

extension DNSAnswer {
    /// Reads a server's reply.
    ///
    /// - Parameters:
    ///   - reply: the whole message, as it came.
    ///   - question: what was asked; only records at its name, or at what that is an alias of, are taken.
    public init(reply: [UInt8], to question: DNSQuestion) {
        self = DNSReply.read(reply, to: question)
    }
}
