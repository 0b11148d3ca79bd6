// SPDX-License-Identifier: Apache-2.0

import CNet

/// A started thread that is ours alone: it may wait in the kernel, which the threads of Swift's tasks must not.
struct OwnThread: Sendable {
    // An address is not Sendable by type; this one is only handed to join, once, by whoever took the value from its owner.
    nonisolated(unsafe) private let handle: OpaquePointer

    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a thread; nil when the system has no more.
    /// - Parameter name: at most 15 characters.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> OwnThread? {
        let start = Unmanaged.passRetained(Start(body))
        let handle = callmeter_thread_start(
            name,
            { @Sendable context in
                guard let context else { return }
                Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
            }, start.toOpaque())
        guard let handle else {
            start.release()
            return nil
        }
        return OwnThread(handle: handle)
    }

    /// Waits for its end and gives its memory back; once, and never on a thread of Swift's tasks.
    func join() { callmeter_thread_join(handle) }
}
