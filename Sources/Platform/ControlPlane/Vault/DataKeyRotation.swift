// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import Logging
import Store
import Vault

/// A registrar's data key that was changed, or is on the way.
public struct DataKeyRotation: Hashable, Sendable {
    /// The registrar.
    public var registrar: RegistrarID
    /// The earlier keys.
    public var old: [KeyID]
    /// The key that all new secrets are sealed under.
    public var new: KeyID
    /// How many accounts were sealed anew by this call.
    public var resealed: Int
    /// Whether a rotation that was begun earlier was taken up instead of beginning another.
    public var wasTakenUp: Bool
    /// Whether the earlier keys are gone. They are not while an import that began under them is open; the rest is done then.
    public var isDone: Bool
}

extension VaultUseCases {
    /// Accounts sealed anew in one transaction: a few milliseconds of the writer.
    private static let chunk = 1_000
    /// Between looks at whether the import that stands in the way is over.
    private static let pause = Duration.seconds(1)

    /// Changes a registrar's data key while everything goes on: a new key, every account sealed anew under it, the old key removed
    /// for ever. Taken up where an earlier call was cut short. Throws `wrongStatus` while the same goes on already.
    public func rotateDataKey(
        of registrar: RegistrarID, by principal: Principal,
        progress: (RotationProgress) -> Void = { _ in }
    ) async throws(ControlPlaneError) -> DataKeyRotation {
        try principal.require(.admin, in: nil)
        _ = try await services.registrar(registrar, role: .admin, by: principal)
        let present = try await services.dataKey(of: registrar)
        guard services.rotations.enter(registrar) else {
            throw ControlPlaneError(.wrongStatus, "the data key of registrar \(registrar) is being changed already")
        }
        defer { services.rotations.leave(registrar) }
        do {
            let rotation = try await services.perform("rotateDataKey") {
                let began = try await begin(for: registrar, after: present.id, by: principal)
                return try await finish(registrar, began: began, by: principal, progress: progress)
            }
            if !rotation.isDone { takeUpLater(registrar) }
            return rotation
        } catch {
            // Whoever asked may have gone away in the middle of it.
            if error.code == .shuttingDown { takeUpLater(registrar) }
            throw error
        }
    }

    /// Takes up, in the background, every change of a data key that a process before this one did not finish.
    func takeUpAll() async throws {
        for registrar in Set(try await services.store.allDataKeys().filter(\.isLeaving).map(\.key.registrar)) {
            takeUpLater(registrar)
        }
    }

    private func begin(
        for registrar: RegistrarID, after old: KeyID, by principal: Principal
    ) async throws -> Bool {
        try await services.followingRotation {
            let at = services.clock()
            let fresh = try services.vault.makeDataKey(services.newID(), for: registrar, at: at)
            return try await services.store.replaceDataKey(with: fresh) {
                AuditEntry(
                    at: at, who: principal.name, action: "vault.rotate-data", subject: "registrar \(registrar)",
                    details: "data key \(fresh.id) in place of \(old)")
            }
        }
    }

    /// Seals anew until nothing is left under an earlier key, then removes those.
    private func finish(
        _ registrar: RegistrarID, began: Bool, by principal: Principal, progress: (RotationProgress) -> Void
    ) async throws -> DataKeyRotation {
        let new = try await services.dataKey(of: registrar)
        let leaving = try await services.store.allDataKeys()
            .filter { $0.isLeaving && $0.key.registrar == registrar }.map(\.key.id)
        var rotation = DataKeyRotation(
            registrar: registrar, old: leaving, new: new.id, resealed: 0, wasTakenUp: !began, isDone: true)
        var done = RotationProgress(accounts: 0, resealed: 0)
        for id in leaving { done.accounts += try await services.store.countAccounts(of: registrar, under: id) }
        for id in leaving {
            let wrapped = try await services.followingRotation {
                try await services.store.dataKeys([id]).first.map { try services.vault.unwrap($0) }
            }
            guard let old = wrapped else { continue }
            try await reseal(from: old, to: new) { count in
                done.resealed += count
                services.rotations.note(done, of: registrar)
                progress(done)
            }
            let at = services.clock()
            let isGone = try await services.store.removeDataKey(id) { [done] in
                AuditEntry(
                    at: at, who: principal.name, action: "vault.remove-key", subject: "registrar \(registrar)",
                    details: "data key \(id) is gone, \(done.resealed) accounts sealed anew")
            }
            rotation.isDone = rotation.isDone && isGone
        }
        rotation.resealed = done.resealed
        return rotation
    }

    /// One walk over the accounts under a key, by position. What is changed, deleted or added meanwhile is left as it is: every
    /// change takes place only where the secret is still the one that was read.
    private func reseal(from old: DataKey, to new: DataKey, _ note: (Int) -> Void) async throws {
        var position: Int64 = 0
        while true {
            try Task.checkCancellation()
            let accounts = try await services.store.sealedAccounts(
                of: old.registrar, only: old.id, after: position, limit: Self.chunk)
            guard let last = accounts.last else { return }
            let changes = try accounts.map { one in
                let sealed = try old.open(one.secret, of: one.account) { try new.seal($0, for: one.account) }
                return ResealedAccount(position: one.position, old: one.secret, new: sealed)
            }
            note(try await services.store.reseal(changes))
            position = last.position
        }
    }

    private func takeUpLater(_ registrar: RegistrarID) {
        services.rotations.start { [self] in
            while !Task.isCancelled {
                do {
                    if services.rotations.enter(registrar) {
                        defer { services.rotations.leave(registrar) }
                        let rotation = try await finish(registrar, began: false, by: .controller) { _ in }
                        if rotation.isDone { return }
                    }
                    try await Task.sleep(for: Self.pause)
                } catch is CancellationError {
                    return
                } catch {
                    services.logger.error(
                        "a data key could not be changed; the next start tries again",
                        metadata: ["registrar": "\(registrar)", "cause": "\(ControlPlaneError.from(error).message)"])
                    return
                }
            }
        }
    }
}
