// SPDX-License-Identifier: Apache-2.0

public import Domain
import Store
import Vault

/// The append-only, hash-chained log of what was done to secrets and settings (E6). Everything here needs admin over all projects.
public struct AuditUseCases: Sendable {
    let services: Services

    /// Entries after a place, oldest first, at most 500.
    public func entries(after sequence: Int64 = 0, by principal: Principal) async throws(ControlPlaneError)
        -> [AuditEntry]
    {
        try principal.require(.admin, in: nil)
        return try await services.perform("audit") { try await services.store.audit(after: sequence) }
    }

    /// Walks the whole log in bounded memory and says whether its chain is intact.
    ///
    /// `head` is one noted elsewhere at an earlier time, which must still be in the chain: it alone gives away somebody who can
    /// write the database and computed the chain anew.
    public func verify(
        head: [UInt8]? = nil, by principal: Principal
    ) async throws(ControlPlaneError) -> AuditFinding {
        try principal.require(.admin, in: nil)
        return try await services.perform("auditVerify") { try await walk(noted: head) }
    }

    func walk(noted: [UInt8]?) async throws -> AuditFinding {
        // Read before the walk: what is appended meanwhile is walked over as well, and must not look like a missing end.
        let end = try await services.store.auditEnd()
        var walk = AuditWalk(noted: noted) { Fingerprint.sha256(of: $0) }
        var place = Int64.min
        while true {
            let entries = try await services.store.audit(after: place)
            guard let last = entries.last else { break }
            for entry in entries where !walk.take(entry) { return walk.finish(appended: end.appended) }
            place = last.sequence
        }
        return walk.finish(appended: end.appended)
    }
}

extension AuditFinding.Fault {
    /// What is wrong, in words.
    public var text: String {
        switch self {
        case .changed(let sequence):
            "entry \(sequence) was changed: it does not fit its hash and the entry before it"
        case .missing(let first, let last):
            first == last ? "entry \(first) is missing" : "entries \(first) to \(last) are missing"
        case .cutOff(let last, let appended):
            "the end is missing: \(appended) entries were appended, and the last one there is \(last)"
        case .headNotFound:
            "no entry has the hash that was noted elsewhere: the log was computed anew, or its end was cut off"
        }
    }
}
