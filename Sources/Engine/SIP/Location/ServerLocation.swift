// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// The procedure of RFC 3263 §4 for one target: it asks questions in rounds, takes the answers in any order, and ends with servers
/// or with the reason why there are none.
///
/// It ends by itself: there are at most four rounds (NAPTR; SRV; addresses of hosts; addresses of the domain), and what comes back is
/// bounded in number.
public struct ServerLocation: Sendable {
    /// What is to be done next.
    public enum Step: Hashable, Sendable {
        /// Ask these, and give each answer to `receive`.
        case ask([DNSQuestion])
        /// Answers are still missing.
        case wait
        case found(LocatedServers)
        case failed(LocationError)
    }

    /// Where a service is looked for.
    private struct Service {
        var transport: Transport
        /// The SRV question; nil where a NAPTR record names a host (flag `a`).
        var question: DNSQuestion?
        var records: [SRVRecord] = []
        /// The domain says that there is none.
        var isRefused = false
    }

    private enum State {
        case idle
        /// §4.1: which transport?
        case naptr
        /// §4.2: which hosts? Without any, the domain's own addresses over `otherwise`.
        case srv([Service], otherwise: Transport)
        /// The addresses of the hosts.
        case hosts([Service])
        /// The domain's own addresses.
        case domain(Transport, port: UInt16)
        case over
    }

    /// SRV records of one answer that are followed, lowest priority first.
    static let mostHosts = 16
    /// NAPTR records of one answer that are followed.
    static let mostPointers = 8

    private let target: LocationTarget
    private var state = State.idle
    private var pending: Set<DNSQuestion> = []
    private var answers: [DNSQuestion: DNSAnswer] = [:]
    private var ttl = UInt32.max
    private var failure: LocationError?

    /// The procedure for a target, before its beginning.
    public init(_ target: LocationTarget) { self.target = target }

    /// The first step. Without DNS for a numeric host.
    public mutating func begin() -> Step {
        if let ip = target.numeric, let servers = LocatedServers(target, at: [ip]) { return end(servers.services) }
        guard DNSQuestion.isName(target.host) else { return fail(.notAName(target.host)) }
        if let port = target.port { return askDomain(target.chosen ?? target.defaultTransport, port: port) }
        if let transport = target.chosen { return askServices([transport], otherwise: transport) }
        state = .naptr
        return ask([DNSQuestion(target.host, .naptr)])
    }

    /// Takes the answer to a question; others than those asked for are passed over.
    public mutating func receive(_ answer: DNSAnswer, to question: DNSQuestion) -> Step {
        guard pending.remove(question) != nil else { return .wait }
        answers[question] = answer
        if case .failed(let reason) = answer.content, failure == nil { failure = .dns(reason, question) }
        guard pending.isEmpty else { return .wait }
        if let silence { return fail(silence) }
        switch state {
        case .naptr: return followPointers()
        case .srv(let services, let otherwise): return followServices(services, otherwise)
        case .hosts(let services): return joinHosts(services)
        case .domain(let transport, let port): return joinDomain(transport, port)
        case .idle, .over: return .wait
        }
    }

    // MARK: - Transport (§4.1)

    private mutating func followPointers() -> Step {
        let services = pointedServices()
        if let first = services.first {
            state = .srv(services, otherwise: first.transport)
            let questions = services.compactMap(\.question)
            return questions.isEmpty ? followServices(services, first.transport) : ask(questions)
        }
        return askServices(target.candidates, otherwise: target.defaultTransport)
    }

    /// The services that NAPTR records point to, the preferred first: of the lowest order that has one for us (RFC 3403 §4.1).
    private mutating func pointedServices() -> [Service] {
        guard let answer = answers[DNSQuestion(target.host, .naptr)], case .naptr(let records) = answer.content else {
            return []
        }
        let ours = records.filter { record in
            let transport = Transport(naptrService: record.service)
            return transport.map(target.candidates.contains) == true && record.regexp.isEmpty
                && DNSQuestion.isName(record.replacement) && ["s", "a"].contains(record.flags.lowercased())
        }
        guard let order = ours.map(\.order).min() else { return [] }
        ttl = min(ttl, answer.ttl)
        let chosen = ours.filter { $0.order == order }.sorted { $0.preference < $1.preference }
        return chosen.prefix(Self.mostPointers).compactMap { record in
            guard let transport = Transport(naptrService: record.service) else { return nil }
            guard record.flags.lowercased() == "a" else {
                return Service(transport: transport, question: DNSQuestion(record.replacement, .srv))
            }
            let host = SRVRecord(
                priority: 0, weight: 0, port: transport.defaultPort, target: record.replacement)
            return Service(transport: transport, records: [host])
        }
    }

    // MARK: - Hosts (§4.2)

    private mutating func askServices(_ transports: [Transport], otherwise: Transport) -> Step {
        let services = transports.compactMap { transport in
            transport.servicePrefix.map {
                Service(transport: transport, question: DNSQuestion($0 + target.host, .srv))
            }
        }.filter { $0.question.map { DNSQuestion.isName($0.name) } ?? true }
        guard !services.isEmpty else { return askDomain(otherwise, port: otherwise.defaultPort) }
        state = .srv(services, otherwise: otherwise)
        return ask(services.compactMap(\.question))
    }

    private mutating func followServices(_ services: [Service], _ otherwise: Transport) -> Step {
        let services = services.map(withRecords)
        let offered = services.filter { !$0.records.isEmpty }
        if offered.isEmpty {
            let isRefused = services.contains { $0.isRefused && $0.transport == otherwise }
            return isRefused
                ? fail(.serviceNotOffered(target.host)) : askDomain(otherwise, port: otherwise.defaultPort)
        }
        for service in offered {
            if let question = service.question, let answer = answers[question] { ttl = min(ttl, answer.ttl) }
        }
        state = .hosts(offered)
        let hosts = Set(offered.flatMap(\.records).map(\.target)).sorted()
        let questions = hosts.filter { TransportAddress.IP($0) == nil }.flatMap { name in
            target.addressKinds.map { DNSQuestion(name, $0) }
        }
        return questions.isEmpty ? joinHosts(offered) : ask(questions)
    }

    private func withRecords(_ service: Service) -> Service {
        guard let question = service.question, case .srv(let records)? = answers[question]?.content else {
            return service
        }
        var service = service
        // A single record with the root as its target: "decidedly not available at this domain" (RFC 2782).
        service.isRefused = !records.isEmpty && records.allSatisfy { $0.target.isEmpty }
        let usable = records.filter { DNSQuestion.isName($0.target) && $0.port > 0 }
        service.records = Array(usable.sorted { $0.priority < $1.priority }.prefix(Self.mostHosts))
        return service
    }

    private mutating func joinHosts(_ services: [Service]) -> Step {
        let found = services.compactMap { service -> LocatedServers.Service? in
            let hosts = service.records.compactMap { record -> LocatedServers.Host? in
                let addresses = addresses(of: record.target).map { TransportAddress(ip: $0, port: record.port) }
                guard !addresses.isEmpty else { return nil }
                return LocatedServers.Host(priority: record.priority, weight: record.weight, addresses: addresses)
            }
            return hosts.isEmpty ? nil : LocatedServers.Service(transport: service.transport, hosts: hosts)
        }
        guard found.isEmpty else { return end(found) }
        let hosts = Set(services.flatMap(\.records).map(\.target)).sorted()
        return fail(failure ?? .hostsWithoutAddress(target.host, hosts: hosts))
    }

    // MARK: - The domain itself

    private mutating func askDomain(_ transport: Transport, port: UInt16) -> Step {
        state = .domain(transport, port: port)
        return ask(target.addressKinds.map { DNSQuestion(target.host, $0) })
    }

    private mutating func joinDomain(_ transport: Transport, _ port: UInt16) -> Step {
        let addresses = addresses(of: target.host).map { TransportAddress(ip: $0, port: port) }
        guard addresses.isEmpty else {
            let host = LocatedServers.Host(priority: 0, weight: 0, addresses: addresses)
            return end([LocatedServers.Service(transport: transport, hosts: [host])])
        }
        if let failure { return fail(failure) }
        let isUnknown = target.addressKinds.allSatisfy {
            answers[DNSQuestion(target.host, $0)]?.content == .noSuchName
        }
        return fail(isUnknown ? .noSuchName(target.host) : .noRecords(target.host))
    }

    // MARK: - Parts

    /// A round without a single answer is the end: a server that is silent now would be so for the other rounds too.
    private var silence: LocationError? {
        let round = answers.filter { asked.contains($0.key) }.values.map(\.content)
        let isSilent = round.allSatisfy { content in
            guard case .failed(let reason) = content else { return false }
            if case .serverError = reason { return false }
            return reason != .malformed
        }
        return isSilent ? failure : nil
    }

    private var asked: Set<DNSQuestion> = []

    private mutating func ask(_ questions: [DNSQuestion]) -> Step {
        asked = Set(questions)
        pending = asked
        var seen: Set<DNSQuestion> = []
        return .ask(questions.filter { seen.insert($0).inserted })
    }

    private mutating func addresses(of name: String) -> [TransportAddress.IP] {
        if let ip = TransportAddress.IP(name) { return [ip] }
        return target.addressKinds.flatMap { kind -> [TransportAddress.IP] in
            guard let answer = answers[DNSQuestion(name, kind)], case .addresses(let found) = answer.content else {
                return []
            }
            ttl = min(ttl, answer.ttl)
            return found
        }
    }

    private mutating func end(_ services: [LocatedServers.Service]) -> Step {
        state = .over
        return .found(LocatedServers(services: services, ttl: ttl))
    }

    private mutating func fail(_ error: LocationError) -> Step {
        state = .over
        return .failed(error)
    }
}
