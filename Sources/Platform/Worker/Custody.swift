// SPDX-License-Identifier: Apache-2.0

import Bedrock
import WorkerLink

/// The credentials of one segment from the moment they are opened to the moment they are wiped.
///
/// They live in locked memory only; endpoints have handles, which lend nothing once `wipe` was called.
struct Custody: Sendable {
    let arena = SecretArena()
    /// Handles in the order of the assignment's endpoints.
    let handles: [SecretHandle]

    /// Opens the sealed credentials straight into the arena; on failure it holds nothing.
    init(_ assignment: SegmentAssignment, key: SessionKey) throws(SealingError) {
        var opener = try key.opener(
            encapsulatedKey: assignment.encapsulatedKey,
            context: SegmentAssignment.sealingContext(run: assignment.run, fence: assignment.fence))
        var handles: [SecretHandle] = []
        handles.reserveCapacity(assignment.endpoints.count)
        do throws(SealingError) {
            for endpoint in assignment.endpoints {
                handles.append(
                    try opener.open(endpoint.sealed, kind: endpoint.kind, endpoint: endpoint.index, into: arena))
            }
        } catch {
            arena.wipeAll()
            throw error
        }
        self.handles = handles
    }

    /// Overwrites everything.
    func wipe() { arena.wipeAll() }
}
