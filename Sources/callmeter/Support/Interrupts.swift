// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc

/// Ctrl-C and SIGTERM as values, so that what is going on can end properly.
enum Interrupts {
    /// One element for each signal from now on. The second one of somebody in a hurry ends the process at once.
    static func stream() -> AsyncStream<Void> {
        AsyncStream(bufferingPolicy: .bufferingNewest(2)) { continuation in
            let sources = [SIGINT, SIGTERM].map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number)
                source.setEventHandler { @Sendable in _ = continuation.yield() }
                source.resume()
                return source
            }
            let kept = Kept(sources: sources)
            continuation.onTermination = { @Sendable _ in kept.cancel() }
        }
    }

    /// Sendable: the sources are only cancelled, which Dispatch allows from any thread.
    private struct Kept: @unchecked Sendable {
        let sources: [any DispatchSourceSignal]

        func cancel() {
            for source in sources { source.cancel() }
            for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
        }
    }
}
