// SPDX-License-Identifier: Apache-2.0

import Bedrock
import NIOCore

/// The one scheduled wake-up of a shard, following the earliest deadline it was told. Confined to the shard's event loop.
///
/// A wake-up that has become too early is left to fire: moving it with every answered request would cost more than one turn.
final class WakeUp: NIOScheduledCallbackHandler {
    private let loop: NIOIsolatedEventLoop
    private var scheduled: (callback: NIOScheduledCallback, at: Instant)?
    private var isStopped = false
    /// Called on the loop when a wake-up is due.
    var onWake: (() -> Void)?

    /// On the loop that is to be woken.
    init(loop: any EventLoop) { self.loop = loop.assumeIsolated() }

    /// Sees to it that the shard wakes at `deadline` or before; nil asks for nothing.
    func follow(_ deadline: Instant?) {
        guard let deadline, !isStopped else { return }
        if let scheduled {
            guard deadline < scheduled.at else { return }
            loop.cancelScheduledCallback(scheduled.callback)
            self.scheduled = nil
        }
        let moment = NIODeadline.uptimeNanoseconds(UInt64(max(0, deadline.nanoseconds)))
        guard let callback = try? loop.scheduleCallback(at: moment, handler: self) else { return }
        scheduled = (callback, deadline)
    }

    /// No further wake-up.
    func stop() {
        isStopped = true
        if let scheduled { loop.cancelScheduledCallback(scheduled.callback) }
        scheduled = nil
        onWake = nil
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        scheduled = nil
        onWake?()
    }
}
