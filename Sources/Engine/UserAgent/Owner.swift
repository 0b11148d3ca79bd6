// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// Who a transaction belongs to, packed into the number that the transaction layer keeps.
enum Owner: Hashable, Sendable {
    /// Nobody: the answer does not matter.
    case nobody
    /// The registration of the endpoint in this slot.
    case registration(slot: Int)
    /// The INVITE of a call, sent or received.
    case invite(SlabHandle)
    /// The BYE of a call.
    case bye(SlabHandle)
    /// Any other request within a call's dialog; the call knows which.
    case dialogRequest(SlabHandle)
    /// The OPTIONS that keeps a flow open.
    case keepAlive(FlowID)

    private static let generationMask: UInt64 = 0x0FFF_FFFF

    /// The number: four bits of kind, 28 of generation, 32 of place.
    var raw: UInt64 {
        switch self {
        case .nobody: 0
        case .registration(let slot): 1 << 60 | UInt64(slot)
        case .invite(let handle): 2 << 60 | Self.pack(handle)
        case .bye(let handle): 3 << 60 | Self.pack(handle)
        case .dialogRequest(let handle): 4 << 60 | Self.pack(handle)
        case .keepAlive(let flow): 5 << 60 | UInt64(flow.raw)
        }
    }

    init(raw: UInt64) {
        let handle = SlabHandle(
            index: UInt32(truncatingIfNeeded: raw), generation: UInt32(raw >> 32 & Self.generationMask))
        switch raw >> 60 {
        case 1: self = .registration(slot: Int(UInt32(truncatingIfNeeded: raw)))
        case 2: self = .invite(handle)
        case 3: self = .bye(handle)
        case 4: self = .dialogRequest(handle)
        case 5: self = .keepAlive(FlowID(raw: UInt32(truncatingIfNeeded: raw)))
        default: self = .nobody
        }
    }

    /// The call it is of, if it is of one.
    var call: SlabHandle? {
        switch self {
        case .invite(let handle), .bye(let handle), .dialogRequest(let handle): handle
        case .nobody, .registration, .keepAlive: nil
        }
    }

    private static func pack(_ handle: SlabHandle) -> UInt64 {
        (UInt64(handle.generation) & generationMask) << 32 | UInt64(handle.index)
    }
}
