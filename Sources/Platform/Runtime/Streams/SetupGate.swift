// SPDX-License-Identifier: Apache-2.0

/// How many connections of one event loop are being set up at once; the others wait their turn, and the time of their setting up
/// does not run. Without it a thousand TLS handshakes begin together, and the last ones fail because of us. Confined to its loop.
final class SetupGate {
    /// Handshakes at once: 64 of 100 ms each make hundreds in a second, and no server takes 10 s for 64.
    private static let usualLimit = 64

    private var limit = SetupGate.usualLimit
    private var running = 0
    private var waiting: [() -> Void] = []
    private var next = 0
    private var isStarting = false

    /// Calls `start`, now or when it is its turn; each call needs one of `leave`.
    func enter(_ start: @escaping () -> Void) {
        guard running >= limit else {
            running += 1
            return start()
        }
        waiting.append(start)
    }

    /// Nobody that waits gets a turn any more.
    func close() {
        waiting.removeAll()
        next = 0
    }

    /// A connection is set up, or failed. Where nobody answers (`isSilent`) the others are not kept waiting any longer.
    func leave(isSilent: Bool) {
        running -= 1
        if isSilent { limit = .max }
        // One that fails at once comes back here while the loop below runs: no recursion.
        guard !isStarting else { return }
        isStarting = true
        defer { isStarting = false }
        while running < limit, next < waiting.count {
            let start = waiting[next]
            next += 1
            running += 1
            start()
        }
        if next == waiting.count {
            waiting.removeAll()
            next = 0
        }
    }
}
