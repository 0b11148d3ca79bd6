// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// The records of a domain, as a procedure under test asks for them.
struct Zone {
    var records: [DNSQuestion: DNSAnswer] = [:]
    /// What is answered for names and types without an entry.
    var otherwise = DNSAnswer(.none)

    mutating func naptr(_ name: String, ttl: UInt32 = 300, _ rows: [(UInt16, UInt16, String, String, String)]) {
        records[DNSQuestion(name, .naptr)] = DNSAnswer(
            .naptr(
                rows.map {
                    NAPTRRecord(order: $0.0, preference: $0.1, flags: $0.2, service: $0.3, replacement: $0.4)
                }), ttl: ttl)
    }

    mutating func srv(_ name: String, ttl: UInt32 = 300, _ rows: [(UInt16, UInt16, UInt16, String)]) {
        records[DNSQuestion(name, .srv)] = DNSAnswer(
            .srv(rows.map { SRVRecord(priority: $0.0, weight: $0.1, port: $0.2, target: $0.3) }), ttl: ttl)
    }

    mutating func host(_ name: String, ttl: UInt32 = 300, _ addresses: String...) {
        let all = addresses.compactMap { TransportAddress.IP($0) }
        let v4 = all.filter { if case .v4 = $0 { true } else { false } }
        let v6 = all.filter { !v4.contains($0) }
        if !v4.isEmpty { records[DNSQuestion(name, .a)] = DNSAnswer(.addresses(v4), ttl: ttl) }
        if !v6.isEmpty { records[DNSQuestion(name, .aaaa)] = DNSAnswer(.addresses(v6), ttl: ttl) }
    }

    mutating func fail(_ name: String, _ kind: DNSQuestion.Kind, _ failure: DNSFailure) {
        records[DNSQuestion(name, kind)] = DNSAnswer(.failed(failure))
    }
}

/// A procedure played to its end.
struct Located {
    var servers: LocatedServers?
    var error: LocationError?
    /// `TYPE name`, in the order asked.
    var asked: [String] = []

    /// Plays a procedure; answers come in the opposite order of the questions.
    init(_ target: LocationTarget, in zone: Zone) {
        var procedure = ServerLocation(target)
        var step = procedure.begin()
        var open: [DNSQuestion] = []
        while true {
            switch step {
            case .ask(let questions):
                asked += questions.map { "\($0.kind.name) \($0.name)" }
                open = questions
            case .wait: break
            case .found(let found):
                servers = found
                return
            case .failed(let failed):
                error = failed
                return
            }
            guard let question = open.popLast() else { return }
            step = procedure.receive(zone.records[question] ?? zone.otherwise, to: question)
        }
    }

    /// The order for one client, as `address/transport`.
    func order(seed: UInt64 = 1) -> [String] {
        var random = SeededRandom(seed: seed)
        return (servers?.order(random: &random) ?? []).map { "\($0.address)/\($0.transport)" }
    }
}
