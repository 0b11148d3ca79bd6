// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Synchronization

/// Ctrl-C and SIGTERM as values, so that what is going on can end properly. One of it for a command, made before anything begins.
final class Interrupts: Sendable {
    private let listeners = Mutex([AsyncStream<Void>.Continuation?]())
    private let sources: Sources

    /// Listens from now on; until somebody asks for a stream, signals only keep the process alive.
    init() {
        sources = Sources(
            all: [SIGINT, SIGTERM].map { number in
                // Before the source is made: it puts a handler of its own in place, which must stay.
                signal(number, SIG_IGN)
                return DispatchSource.makeSignalSource(signal: number)
            })
        for source in sources.all {
            source.setEventHandler { @Sendable [weak self] in self?.tell() }
            source.resume()
        }
    }

    deinit {
        for source in sources.all { source.cancel() }
    }

    /// One element for each signal from now on; any number of streams, one after the other or at once.
    func stream() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(2))
        let place = listeners.withLock { listeners in
            listeners.append(continuation)
            return listeners.count - 1
        }
        // Whoever listens keeps this alive, and with it the sources.
        continuation.onTermination = { @Sendable _ in self.listeners.withLock { $0[place] = nil } }
        return stream
    }

    private func tell() {
        let all = listeners.withLock { $0 }
        for listener in all { listener?.yield() }
    }

    /// Sendable: Dispatch allows any thread to resume and cancel a source.
    private struct Sources: @unchecked Sendable {
        let all: [any DispatchSourceSignal]
    }
}
