// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import Foundation
import Glibc
import Synchronization
import Testing
import WorkerLink

/// A worker that notes what it is given and does what a test says; without that it gets ready and goes on until it is stopped.
struct Listener {
    private let worker = ScriptedWorker()
    private let control: ControlPlane
    private let given: AsyncStream<SegmentAssignment>
    private let notes = Notes()
    private let answering: Task<Void, Never>

    init(to lab: Lab, _ body: (@Sendable (ControllerFrame, InProcessLink) -> Void)? = nil) {
        self.init(to: lab.office, body)
    }

    init(to office: Office, _ body: (@Sendable (ControllerFrame, InProcessLink) -> Void)? = nil) {
        control = office.control
        let (stream, found) = AsyncStream.makeStream(of: SegmentAssignment.self)
        given = stream
        answering = worker.answer { frame, link in
            if case .assign(let assignment) = frame { found.yield(assignment) }
            (body ?? Self.usual)(frame, link)
        }
    }

    /// Gets ready, and ends when it is told to.
    static let usual: @Sendable (ControllerFrame, InProcessLink) -> Void = { frame, link in
        switch frame {
        case .assign(let assignment): link.up.put(.ready(assignment.run))
        case .start: break
        case .stop(let run, _, _):
            link.up.put(.stopped(run, StopProof(secretsHeld: 0, wasLocked: true, forced: 0), nil))
        case .renewed, .revoke: break
        }
    }

    /// The key that credentials for it are sealed to.
    var key: SessionKey { worker.key }

    func attach() async { await worker.attach(to: control) }

    /// What it was given for a run.
    func assignment(of run: API.Run) async throws -> SegmentAssignment {
        try await notes.assignment(of: #require(RunID(run.id)), from: given)
    }

    /// The usernames it was given for a run, in order of endpoints.
    func names(of run: API.Run) async throws -> [String] {
        try await assignment(of: run).endpoints.map(\.username)
    }

    func leave() async {
        worker.link.close()
        await answering.value
    }

    /// Assignments that came before they were asked for.
    private actor Notes {
        private var known: [RunID: SegmentAssignment] = [:]

        func assignment(of run: RunID, from given: AsyncStream<SegmentAssignment>) async throws -> SegmentAssignment {
            var iterator = given.makeAsyncIterator()
            while known[run] == nil {
                let next = try #require(
                    await iterator.next(isolation: self), "the worker was given nothing for the run")
                known[next.run] = next
            }
            return try #require(known[run])
        }
    }
}

/// A UDP port that keeps what arrives and never answers.
final class SilentRegistrar: Sendable {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        let made = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        descriptor = made
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                bind(made, place, length) == 0 && getsockname(made, place, &length) == 0
            }
        }
        try #require(bound)
        port = UInt16(bigEndian: address.sin_port)
        // Whoever waits on it looks up now and then.
        var patience = timeval(tv_sec: 0, tv_usec: 200_000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    func close() { _ = Glibc.close(descriptor) }

    /// The first request of each user, once there is one of every user; at most 30 s.
    func firstRequests(from users: [String]) async throws -> [String: String] {
        let descriptor = descriptor
        return await withCheckedContinuation { answer in
            Thread.detachNewThread {
                var found: [String: String] = [:]
                var bytes = [UInt8](repeating: 0, count: 65_536)
                let end = Date.now.addingTimeInterval(30)
                while found.count < users.count, Date.now < end {
                    let count = recv(descriptor, &bytes, bytes.count, 0)
                    guard count > 0 else { continue }
                    let text = String(decoding: bytes[..<count], as: UTF8.self)
                    for user in users where found[user] == nil && text.contains("<sip:\(user)@") { found[user] = text }
                }
                answer.resume(returning: found)
            }
        }
    }
}

extension ControllerFrame {
    /// The run it is about.
    var run: RunID {
        switch self {
        case .assign(let assignment): assignment.run
        case .start(let run, _), .stop(let run, _, _), .renewed(let run, _, _), .revoke(let run, _): run
        }
    }
}
