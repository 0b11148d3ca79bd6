// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Synchronization

/// How far the change of a registrar's data key is.
public struct RotationProgress: Hashable, Sendable {
    /// Accounts that were under the earlier key when this began or was taken up.
    public var accounts: Int
    /// Those that are under the new one by now.
    public var resealed: Int
}

/// Which registrars' data keys are being changed by this process, so that nobody does the same twice.
final class RotationBook: Sendable {
    private struct Contents {
        var progress: [RegistrarID: RotationProgress] = [:]
        var background: [Task<Void, Never>] = []
        var isClosed = false
    }

    private let contents = Mutex(Contents())

    /// Takes a registrar for a rotation; false when one goes on.
    func enter(_ registrar: RegistrarID) -> Bool {
        contents.withLock { contents in
            guard contents.progress[registrar] == nil else { return false }
            contents.progress[registrar] = RotationProgress(accounts: 0, resealed: 0)
            return true
        }
    }

    func leave(_ registrar: RegistrarID) {
        contents.withLock { contents in
            contents.progress[registrar] = nil
            contents.background.removeAll(where: \.isCancelled)
        }
    }

    func note(_ progress: RotationProgress, of registrar: RegistrarID) {
        contents.withLock { if $0.progress[registrar] != nil { $0.progress[registrar] = progress } }
    }

    /// What goes on now.
    var progress: [RegistrarID: RotationProgress] { contents.withLock { $0.progress } }

    /// Starts what goes on without anybody waiting, unless the process is about to end.
    func start(_ body: @escaping @Sendable () async -> Void) {
        contents.withLock { contents in
            guard !contents.isClosed else { return }
            contents.background.append(Task { await body() })
        }
    }

    /// Cancels what goes on in the background and waits for it; the next start takes it up.
    func close() async {
        let tasks = contents.withLock { contents in
            contents.isClosed = true
            defer { contents.background.removeAll() }
            return contents.background
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
