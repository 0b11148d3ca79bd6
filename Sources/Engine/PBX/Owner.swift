// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Whose a transaction is: a slab handle as the 64 bits that the transaction layer keeps. Zero is nobody.
enum Owner {
    case forwarding(SlabHandle)
    case call(SlabHandle)

    /// Two bits tell the tables apart, so a generation keeps 30 bits.
    private static let generationMask: UInt32 = 0x3FFF_FFFF

    var raw: UInt64 {
        switch self {
        case .forwarding(let handle): 1 << 62 | Self.pack(handle)
        case .call(let handle): 1 << 63 | Self.pack(handle)
        }
    }

    init?(_ raw: UInt64) {
        let handle = SlabHandle(
            index: UInt32(truncatingIfNeeded: raw),
            generation: UInt32(truncatingIfNeeded: raw >> 32) & Self.generationMask)
        switch raw >> 62 {
        case 1: self = .forwarding(handle)
        case 2: self = .call(handle)
        default: return nil
        }
    }

    private static func pack(_ handle: SlabHandle) -> UInt64 {
        UInt64(handle.generation & generationMask) << 32 | UInt64(handle.index)
    }
}
