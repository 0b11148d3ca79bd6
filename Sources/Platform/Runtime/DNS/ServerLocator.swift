// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP
import Synchronization

/// Finds the servers of SIP domains (RFC 3263) through DNS, keeps answers for as long as they may be kept, and asks nothing twice at
/// the same time.
public actor ServerLocator {
    /// Answers kept; beyond, those that are out of date go, then the one that ends soonest.
    static let mostKept = 1024
    /// However long a record claims to live, it is asked for again after this many seconds.
    static let longestKept: UInt32 = 86_400

    private struct Key: Hashable {
        var server: TransportAddress?
        var question: DNSQuestion
    }

    private struct Kept {
        var answer: DNSAnswer
        var until: Instant
    }

    private var kept: [Key: Kept] = [:]
    private var flights: [Key: Flight] = [:]
    /// Rounds sent so far.
    private(set) var rounds = 0

    /// A locator that knows nothing yet.
    public init() {}

    /// The servers of a request's target.
    ///
    /// A host of this machine's hosts file is where that file says. What the DNS does not know the system's resolver may (search
    /// lists, mDNS); it is asked last, unless a DNS server is named.
    /// - Throws: `ResolutionError`, in words for the user.
    public func locate(_ request: ServerRequest) async throws(ResolutionError) -> FoundServers {
        let target = request.target
        if request.dns == nil, target.numeric == nil,
            let known = LocatedServers(target, at: await DNSRound.hostsFile(DNSQuestion(target.host, .a).name))
        {
            return FoundServers(known)
        }
        do throws(LocationError) {
            return FoundServers(try await play(target, request.dns))
        } catch {
            if request.dns == nil, error.mayBeKnownToTheSystem,
                let address = try? await Resolver.resolve(host: target.host, port: 0),
                let known = LocatedServers(target, at: [address.ip])
            {
                return FoundServers(known)
            }
            throw ResolutionError(host: request.host, reason: error.text(server: request.dns.map { "\($0)" }))
        }
    }

    private func play(
        _ target: LocationTarget, _ server: TransportAddress?
    ) async throws(LocationError) -> LocatedServers {
        var procedure = ServerLocation(target)
        var step = procedure.begin()
        while case .ask(let questions) = step {
            let answers = await answers(to: questions, server)
            for question in questions {
                step = procedure.receive(answers[question] ?? DNSAnswer(.failed(.cancelled)), to: question)
            }
        }
        switch step {
        case .found(let servers): return servers
        case .failed(let error): throw error
        case .ask, .wait: throw .notAName(target.host)  // not reached: every question was answered
        }
    }

    // MARK: - Answers

    private func answers(
        to questions: [DNSQuestion], _ server: TransportAddress?
    ) async -> [DNSQuestion: DNSAnswer] {
        let now = SystemClock.now()
        var result: [DNSQuestion: DNSAnswer] = [:]
        var waiting: [ObjectIdentifier: Flight] = [:]
        var missing: [DNSQuestion] = []
        for question in questions {
            let key = Key(server: server, question: question)
            if let known = kept[key], known.until > now {
                result[question] = known.answer
            } else if let flight = flights[key], waiting[ObjectIdentifier(flight)] != nil || flight.join() {
                waiting[ObjectIdentifier(flight)] = flight
            } else {
                missing.append(question)
            }
        }
        if !missing.isEmpty {
            rounds += 1
            let flight = Flight(missing, server: server)
            for question in missing { flights[Key(server: server, question: question)] = flight }
            waiting[ObjectIdentifier(flight)] = flight
        }
        for flight in waiting.values {
            let answers = await flight.wait()
            land(flight, answers, server)
            for question in questions { result[question] = result[question] ?? answers[question] }
        }
        return result
    }

    /// Keeps what a round brought; by whoever waited for it first.
    private func land(_ flight: Flight, _ answers: [DNSQuestion: DNSAnswer], _ server: TransportAddress?) {
        let now = SystemClock.now()
        for (question, answer) in answers {
            let key = Key(server: server, question: question)
            guard flights[key] === flight else { continue }
            flights[key] = nil
            if case .failed = answer.content { continue }
            guard answer.ttl > 0 else { continue }
            makeRoom(now)
            kept[key] = Kept(answer: answer, until: now + .seconds(Int(min(answer.ttl, Self.longestKept))))
        }
    }

    private func makeRoom(_ now: Instant) {
        guard kept.count >= Self.mostKept else { return }
        kept = kept.filter { $0.value.until > now }
        while kept.count >= Self.mostKept, let soonest = kept.min(by: { $0.value.until < $1.value.until }) {
            kept[soonest.key] = nil
        }
    }
}

extension LocationError {
    /// Whether the system's resolver may know more than the DNS: not where it would only wait for the same silent server.
    fileprivate var mayBeKnownToTheSystem: Bool {
        switch self {
        case .noSuchName, .noRecords, .dns(.refusedConnection, _), .dns(.local, _), .dns(.serverError, _): true
        case .notAName, .serviceNotOffered, .hostsWithoutAddress, .dns: false
        }
    }
}

/// A round under way, and how many wait for it; the last one that leaves before its end ends it.
private final class Flight: Sendable {
    private let task: Task<[DNSQuestion: DNSAnswer], Never>
    private let waiting = Mutex(1)

    /// Begins the round; who made it waits for it.
    init(_ questions: [DNSQuestion], server: TransportAddress?) {
        task = Task { await DNSRound.ask(questions, server: server) }
    }

    /// One more waits; false when everybody had left.
    func join() -> Bool {
        waiting.withLock { count in
            guard count > 0 else { return false }
            count += 1
            return true
        }
    }

    func wait() async -> [DNSQuestion: DNSAnswer] {
        await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            let isLast = waiting.withLock { count in
                count -= 1
                return count == 0
            }
            if isLast { task.cancel() }
        }
    }
}
