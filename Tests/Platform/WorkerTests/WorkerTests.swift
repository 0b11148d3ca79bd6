// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Glibc
import RunMetrics
import Testing
import Worker
import WorkerLink

/// A worker with a session, spoken to as a controller does.
private final class Session {
    let link = InProcessLink()
    let hello: WorkerHello
    private let frames: AsyncStream<WorkerFrame>
    private var iterator: AsyncStream<WorkerFrame>.Iterator
    private let serving: Task<Void, Never>

    init() async throws {
        let worker = Worker(configuration: Worker.Configuration(name: "test", capacity: 10))
        let (frames, continuation) = AsyncStream.makeStream(of: WorkerFrame.self)
        let link = link
        serving = Task { await worker.serve(link) }
        Task {
            await link.up.forEach { continuation.yield($0) }
            continuation.finish()
        }
        self.frames = frames
        var iterator = frames.makeAsyncIterator()
        guard case .hello(let hello) = await iterator.next(isolation: #isolation) else {
            throw SealingError(code: .badKey)
        }
        self.hello = hello
        self.iterator = iterator
    }

    /// The next frame of any kind; nil when the session is over.
    func nextOfAny() async -> WorkerFrame? { await iterator.next(isolation: #isolation) }

    /// The next frame that is more than detail; nil when the session is over.
    func next() async -> WorkerFrame? {
        while let frame = await iterator.next(isolation: #isolation) {
            if !frame.isDetail { return frame }
        }
        return nil
    }

    /// Frames up to and including `stopped`.
    func untilStopped() async -> [WorkerFrame] {
        var frames: [WorkerFrame] = []
        while let frame = await next() {
            frames.append(frame)
            if case .stopped = frame { break }
        }
        return frames
    }

    func end() async {
        link.close()
        await serving.value
    }

    /// Two endpoints that only register, at a port of loopback where nothing listens.
    func assignment(
        domain: String = "127.0.0.1", port: UInt16 = 9, sealedTo key: SessionPublicKey? = nil
    ) throws -> SegmentAssignment {
        var random = SystemRandomNumberGenerator()
        let run = RunID(at: UnixTime(nanoseconds: 0), random: &random)
        let context = SegmentAssignment.sealingContext(run: run, fence: 3)
        var sealer = try SessionSealer(to: key ?? hello.sessionKey, context: context)
        let encapsulated = sealer.encapsulatedKey
        var endpoints: [AssignedEndpoint] = []
        for index in 0..<UInt32(2) {
            let sealed = try Array("secret-\(index)".utf8).withUnsafeBytes {
                try sealer.seal($0, kind: .password, endpoint: index)
            }
            endpoints.append(
                AssignedEndpoint(
                    index: index, username: "user-\(index)", extensionNumber: nil, realm: nil, kind: .password,
                    sealed: sealed, leftover: nil))
        }
        // Port 9 of loopback (discard) is closed on any machine that has no inetd.
        let definition = TestDefinition(
            name: "t", registrars: [RegistrarDefinition(name: "pbx", domain: domain, port: port)],
            groups: [GroupDefinition(name: "g", registrar: "pbx", endpoints: 2, callee: .none)], duration: .seconds(1))
        return SegmentAssignment(
            run: run, fence: 3, definition: definition, endpoints: endpoints, encapsulatedKey: encapsulated)
    }
}

@Suite(.timeLimit(.minutes(1))) struct WorkerTests {
    @Test func `E3 a segment ends with a result for each endpoint and the proof that no secret is held`() async throws {
        let session = try await Session()
        let assignment = try session.assignment()
        session.link.down.put(.assign(assignment))
        guard case .ready(let run) = await session.next() else {
            Issue.record("not ready")
            return
        }
        #expect(run == assignment.run)
        session.link.down.put(.start(run, fence: 3))
        let frames = await session.untilStopped()
        let results = frames.flatMap { frame -> [EndpointResult] in
            if case .results(_, let batch) = frame { batch } else { [] }
        }
        #expect(results.map(\.index).sorted() == [0, 1])
        #expect(results.allSatisfy { $0.outcome == .registrationFailed })
        guard case .stopped(_, let proof, let failure)? = frames.last else {
            Issue.record("not stopped")
            return
        }
        #expect(proof.secretsHeld == 0 && proof.forced == 0 && failure == nil)
        await session.end()
    }

    @Test func `a segment stopped before its start attempts nothing and forgets`() async throws {
        let session = try await Session()
        let assignment = try session.assignment()
        session.link.down.put(.assign(assignment))
        session.link.down.put(.stop(assignment.run, fence: 3, drain: .seconds(2)))
        let frames = await session.untilStopped()
        let outcomes = frames.flatMap { frame -> [EndpointOutcome] in
            if case .results(_, let batch) = frame { batch.map(\.outcome) } else { [] }
        }
        #expect(outcomes == [.notAttempted, .notAttempted])
        guard case .stopped(_, let proof, _)? = frames.last else {
            Issue.record("not stopped")
            return
        }
        #expect(proof.secretsHeld == 0)
        await session.end()
    }

    @Test func `secrets sealed to another worker are refused, and nothing is held`() async throws {
        let session = try await Session()
        session.link.down.put(.assign(try session.assignment(sealedTo: SessionKey().publicKey)))
        guard case .refused(_, let failure) = await session.next() else {
            Issue.record("not refused")
            return
        }
        #expect(failure.code == "secrets_not_opened")
        await session.end()
    }

    @Test func `a target that has no address is refused in words`() async throws {
        let session = try await Session()
        session.link.down.put(.assign(try session.assignment(domain: "no-such-host.invalid")))
        guard case .refused(_, let failure) = await session.next() else {
            Issue.record("not refused")
            return
        }
        #expect(failure.code == "target_unresolved")
        #expect(failure.text.contains("no-such-host.invalid"))
        await session.end()
    }

    @Test func `a start with an old fencing number is passed over`() async throws {
        let session = try await Session()
        let assignment = try session.assignment()
        session.link.down.put(.assign(assignment))
        _ = await session.next()
        session.link.down.put(.start(assignment.run, fence: 2))
        session.link.down.put(.stop(assignment.run, fence: 3, drain: .seconds(2)))
        let outcomes = await session.untilStopped().flatMap { frame -> [EndpointOutcome] in
            if case .results(_, let batch) = frame { batch.map(\.outcome) } else { [] }
        }
        #expect(outcomes == [.notAttempted, .notAttempted])
        await session.end()
    }

    @Test func `a worker whose controller is gone ends its segments by itself, long before their timers would`()
        async throws
    {
        let silence = try SilentPort()
        let session = try await Session()
        let assignment = try session.assignment(port: silence.port)
        session.link.down.put(.assign(assignment))
        _ = await session.next()
        session.link.down.put(.start(assignment.run, fence: 3))
        let begin = ContinuousClock.now
        await session.end()
        // Timer F alone is 32 s (RFC 3261 §17.1.2.2).
        #expect(ContinuousClock.now - begin < .seconds(20))
    }

    /// Terms that a busy machine renews in time.
    private static let renewableTerms = LeaseTerms(
        term: .seconds(5), grace: .seconds(5), orphanDrain: .milliseconds(100))

    @Test func `D3 a segment whose leases are renewed goes on past its term`() async throws {
        let silence = try SilentPort()
        let session = try await Session()
        var assignment = try session.assignment(port: silence.port)
        assignment.leases = Self.renewableTerms
        session.link.down.put(.assign(assignment))
        // Seven questions, a third of a term apart, are two terms. A busy machine may answer late, but not by a term.
        var asked: UInt64 = 0
        while asked < 7, let frame = await session.nextOfAny() {
            switch frame {
            case .alive(let run, let number):
                asked = number
                session.link.down.put(.renewed(run, fence: 3, number: number))
            case .ready(let run): session.link.down.put(.start(run, fence: 3))
            case .stopped, .refused: Issue.record("it stopped although its leases were renewed: \(frame)")
            default: break
            }
        }
        session.link.down.put(.stop(assignment.run, fence: 3, drain: .milliseconds(50)))
        guard case .stopped(_, _, let failure)? = await session.untilStopped().last else {
            Issue.record("not stopped")
            return
        }
        #expect(failure == nil)
        await session.end()
    }

    /// Terms that pass while a test looks on.
    private static let shortTerms = LeaseTerms(
        term: .milliseconds(300), grace: .milliseconds(600), orphanDrain: .milliseconds(100))

    @Test func `D2 a segment whose leases are not renewed stops by itself and forgets`() async throws {
        let silence = try SilentPort()
        let session = try await Session()
        var assignment = try session.assignment(port: silence.port)
        assignment.leases = Self.shortTerms
        session.link.down.put(.assign(assignment))
        _ = await session.next()
        session.link.down.put(.start(assignment.run, fence: 3))
        let frames = await session.untilStopped()
        guard case .stopped(_, let proof, let failure)? = frames.last else {
            Issue.record("not stopped")
            return
        }
        #expect(failure?.code == "lease_expired" && proof.secretsHeld == 0)
        let results = frames.flatMap { frame -> [EndpointResult] in
            if case .results(_, let batch) = frame { batch } else { [] }
        }
        #expect(results.map(\.index).sorted() == [0, 1])
        await session.end()
    }

    @Test func `D2 a segment whose leases are revoked closes everything at once`() async throws {
        let silence = try SilentPort()
        let session = try await Session()
        let assignment = try session.assignment(port: silence.port)
        session.link.down.put(.assign(assignment))
        _ = await session.next()
        session.link.down.put(.start(assignment.run, fence: 3))
        session.link.down.put(.revoke(assignment.run, fence: 2))
        session.link.down.put(.revoke(assignment.run, fence: 3))
        let begin = ContinuousClock.now
        guard case .stopped(_, let proof, let failure)? = await session.untilStopped().last else {
            Issue.record("not stopped")
            return
        }
        #expect(failure?.code == "lease_expired" && proof.secretsHeld == 0 && proof.forced == 2)
        // Un-REGISTER at a silent server would wait for timer F, 32 s.
        #expect(ContinuousClock.now - begin < .seconds(10))
        await session.end()
    }
}

/// A UDP port of loopback that takes everything and never answers.
private struct SilentPort: ~Copyable {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        struct NoSocket: Error {}
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let done = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard descriptor >= 0, done else { throw NoSocket() }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }
}
