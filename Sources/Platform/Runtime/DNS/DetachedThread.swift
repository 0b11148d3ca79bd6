// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Work that blocks, on a thread that ends with it: never one of those that tasks run on.
enum DetachedThread {
    private final class Start: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread and gives its result; on the calling thread where the system has no more of them.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let start = Start { continuation.resume(returning: body()) }
            if !detach(start) { start.body() }
        }
    }

    private static func detach(_ start: Start) -> Bool {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return false }
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let context = Unmanaged.passRetained(start)
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { @Sendable context in
                guard let context else { return nil }
                let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                start.body()
                return nil
            }, context.toOpaque())
        if code != 0 { context.release() }
        return code == 0
    }
}
