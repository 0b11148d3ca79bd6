// SPDX-License-Identifier: Apache-2.0

import CNet
import Glibc
import Media
import Synchronization
import UserAgent

/// What crosses from other threads to one signalling thread. Everything else of a shard is confined to that thread.
final class ShardMailbox: Sendable {
    enum Letter: Sendable {
        case add([EndpointPlan], MediaSupply?, CheckedContinuation<Void, any Error>)
        case perform([AgentCommand])
        case media([(stream: UInt64, report: StreamReport)])
        case streams(StreamNews)
        case stop
    }

    private struct State {
        var letters: [Letter] = []
        /// The thread waits in the kernel, or is about to: only then must it be woken, which costs a system call.
        var isAsleep = false
        var isFinished = false
        var dropped: UInt64 = 0
    }

    /// The event descriptor's token; sockets use their flow's number.
    static var wakeToken: UInt64 { .max }

    let epoll: Int32
    private let wake: Int32
    private let state = Mutex(State())

    init() throws {
        epoll = callmeter_epoll_create()
        wake = callmeter_wake_create()
        let added = callmeter_wake_watch(epoll, wake, Self.wakeToken)
        guard epoll >= 0, wake >= 0, added == 0 else {
            let code = -min(epoll, min(wake, added))
            for descriptor in [epoll, wake] where descriptor >= 0 { callmeter_close(descriptor) }
            throw SystemFailure(code: code, action: "make a signalling thread's wait")
        }
    }

    deinit {
        callmeter_close(wake)
        callmeter_close(epoll)
    }

    /// Leaves a letter, from any thread. False when the thread has ended and nothing was left.
    @discardableResult
    func post(_ letter: Letter) -> Bool {
        let (isTaken, isAsleep) = state.withLock { state -> (Bool, Bool) in
            guard !state.isFinished else { return (false, false) }
            state.letters.append(letter)
            let wasAsleep = state.isAsleep
            state.isAsleep = false
            return (true, wasAsleep)
        }
        if isAsleep { callmeter_wake_signal(wake) }
        return isTaken
    }

    /// For the shard's thread: takes everything, and is awake from now on.
    func receive() -> [Letter] {
        state.withLock { state in
            state.isAsleep = false
            guard !state.letters.isEmpty else { return [] }
            let all = state.letters
            state.letters = []
            return all
        }
    }

    /// For the shard's thread before it waits. False when there is a letter already, so that it must not.
    func fallAsleep() -> Bool {
        state.withLock { state in
            state.isAsleep = state.letters.isEmpty
            return state.isAsleep
        }
    }

    /// For the shard's thread at its end: takes what came since, and refuses everything from now on.
    /// - Parameter dropped: datagrams that the system dropped, or that found no room.
    func finish(dropped: UInt64) -> [Letter] {
        state.withLock { state in
            let left = state.letters
            state.letters = []
            state.isFinished = true
            state.dropped = dropped
            return left
        }
    }

    /// Datagrams dropped on this machine's side; counted when the thread has ended.
    var dropped: UInt64 { state.withLock(\.dropped) }
}

/// The system refused something that a signalling thread needs.
struct SystemFailure: Error, Hashable, CustomStringConvertible {
    /// The errno.
    let code: Int32
    /// What was tried.
    let action: String

    var description: String { "cannot \(action): \(String(cString: strerror(code)))" }
}

/// The engine was shut down before this was done.
struct EngineShutDown: Error, CustomStringConvertible {
    var description: String { "the engine was shut down meanwhile" }
}
