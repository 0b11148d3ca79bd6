// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Glibc
import Logging
import Store
import Vault

/// What every use case works with; handed over once, by the composition root.
struct Services: Sendable {
    let store: any Store
    let vault: Vault
    /// Nil where no run is ever started.
    let digestKeys: DigestKeyHash?
    let clock: @Sendable () -> UnixTime
    /// How long runs hold their accounts without being heard of.
    let leases: LeaseTerms
    let logger: Logger
    let rotations = RotationBook()
    /// Where callers from elsewhere may have key files written; nil for nowhere.
    var keyFolder: String?

    /// Hears of every trace that is kept; nil for nobody.
    var traceSink: TraceSink?

    /// A fresh identifier for something made now.
    func newID<Kind>() -> ID<Kind> {
        var random = SystemRandomNumberGenerator()
        return ID(at: clock(), random: &random)
    }

    /// Runs a use case; whatever goes wrong comes out as `ControlPlaneError`, and faults of our own are logged.
    func perform<Result>(
        _ name: String, _ body: () async throws -> Result
    ) async throws(ControlPlaneError) -> Result {
        do {
            return try await body()
        } catch {
            let known = ControlPlaneError.from(error)
            if known.code == .internal {
                logger.error("\(name) failed", metadata: ["cause": "\(type(of: error))", "text": "\(known.message)"])
            }
            throw known
        }
    }

    /// Appends to the audit log: counts and names, never a secret (E6).
    func audit(_ actor: Principal, _ action: String, _ subject: String, _ details: String = "") async throws {
        try await store.append(entry(actor, action, subject, details))
    }

    /// An entry of the audit log, for a store operation that appends it in its own transaction.
    func entry(_ actor: Principal, _ action: String, _ subject: String, _ details: String = "") -> AuditEntry {
        AuditEntry(at: clock(), who: actor.name, action: action, subject: subject, details: details)
    }

    /// The wall clock of the system.
    static var systemClock: @Sendable () -> UnixTime {
        {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            return UnixTime(nanoseconds: Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec))
        }
    }
}
