// SPDX-License-Identifier: Apache-2.0

import SIP

/// Which endpoints use which flow, and whom a request that comes in on one is for.
struct FlowTable {
    private enum Members {
        /// The flow's only endpoint, and the hash of its Contact user.
        case one(Int, userHash: UInt64)
        /// Several, by their Contact user.
        case many(slots: [Int], byUser: [UInt64: Int])
    }

    private var flows: [FlowID: Members] = [:]

    /// Adds an endpoint; `userHash` is that of its Contact user.
    mutating func add(slot: Int, to flow: FlowID, userHash: UInt64) {
        switch flows[flow] {
        case nil:
            flows[flow] = .one(slot, userHash: userHash)
        case .one(let first, let firstHash):
            flows[flow] = .many(slots: [first, slot], byUser: [firstHash: first, userHash: slot])
        case .many(var slots, var byUser):
            // Taken out before it is changed, so that the arrays are changed in place.
            flows[flow] = .one(slot, userHash: userHash)
            slots.append(slot)
            byUser[userHash] = slot
            flows[flow] = .many(slots: slots, byUser: byUser)
        }
    }

    /// Takes an endpoint out of a flow; true when it was the last one.
    @discardableResult
    mutating func remove(slot: Int, from flow: FlowID) -> Bool {
        switch flows[flow] {
        case nil:
            return false
        case .one(let only, _):
            guard only == slot else { return false }
            flows[flow] = nil
            return true
        case .many(var slots, var byUser):
            flows[flow] = nil
            slots.removeAll { $0 == slot }
            for (hash, member) in byUser where member == slot { byUser[hash] = nil }
            guard !slots.isEmpty else { return true }
            flows[flow] = .many(slots: slots, byUser: byUser)
            return false
        }
    }

    /// Forgets a flow that is gone.
    mutating func forget(_ flow: FlowID) { flows[flow] = nil }

    /// Whether an endpoint is one of a flow's.
    func contains(slot: Int, on flow: FlowID) -> Bool {
        switch flows[flow] {
        case nil: false
        case .one(let only, _): only == slot
        case .many(let slots, _): slots.contains(slot)
        }
    }

    /// Whether a flow has an endpoint with this Contact user already.
    func contains(userHash: UInt64, on flow: FlowID) -> Bool {
        switch flows[flow] {
        case nil: false
        case .one(_, let hash): hash == userHash
        case .many(_, let byUser): byUser[userHash] != nil
        }
    }

    /// All endpoints of a flow.
    func slots(of flow: FlowID) -> [Int] {
        switch flows[flow] {
        case nil: []
        case .one(let slot, _): [slot]
        case .many(let slots, _): slots
        }
    }

    /// The endpoint of a flow that has one only.
    func only(of flow: FlowID) -> Int? {
        if case .one(let slot, _) = flows[flow] { slot } else { nil }
    }

    /// The endpoint that a request to `userHash` on a flow is for: the only one, or the one with this Contact user.
    func slot(for userHash: UInt64?, on flow: FlowID) -> Int? {
        switch flows[flow] {
        case nil: nil
        case .one(let slot, _): slot
        case .many(_, let byUser): userHash.flatMap { byUser[$0] }
        }
    }

    /// A hash of a user for this table (FNV-1a).
    static func hash(_ user: some Sequence<UInt8>) -> UInt64 {
        user.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
