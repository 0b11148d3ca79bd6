// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// What the server must know to pass on requests within a dialog, kept by the peers in the user part of its Record-Route URI (as
/// RFC 5626 §5 keeps flows in Path): how caller and callee are reached, and which tag is the caller's. Sealed, so that nobody can
/// make the server send elsewhere. The server itself keeps nothing for a call that is up.
struct RouteToken: Hashable {
    var caller: Peer
    var callee: Peer
    /// A hash of the caller's tag.
    var callerTag: UInt32

    func write(_ maker: NonceMaker, to output: inout ByteWriter) {
        for peer in [caller, callee] {
            output.append(hex: UInt64(peer.flow.raw), digits: 8)
            output.append(hex: UInt64(peer.address.port), digits: 4)
            switch peer.address.ip {
            case .v4(let value):
                output.append(UInt8(ascii: "f"))
                output.append(hex: UInt64(value), digits: 8)
            case .v6(let high, let low):
                output.append(UInt8(ascii: "s"))
                output.append(hex: high, digits: 16)
                output.append(hex: low, digits: 16)
            }
        }
        output.append(hex: UInt64(callerTag), digits: 8)
        output.append(hex: seal(maker), digits: 16)
    }

    /// Reads what `write` wrote; nil for anything else or another instance's.
    init?(_ bytes: ArraySlice<UInt8>, _ maker: NonceMaker) {
        var place = bytes.startIndex
        func number(_ digits: Int) -> UInt64? {
            guard place + digits <= bytes.endIndex else { return nil }
            defer { place += digits }
            var value: UInt64 = 0
            for byte in bytes[place..<place + digits] {
                switch byte {
                case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
                case 0x61...0x66: value = value << 4 | UInt64(byte - 0x57)
                default: return nil
                }
            }
            return value
        }
        func peer() -> Peer? {
            guard let flow = number(8), let port = number(4), place < bytes.endIndex else { return nil }
            place += 1
            let ip: TransportAddress.IP
            switch bytes[place - 1] {
            case UInt8(ascii: "f"):
                guard let value = number(8) else { return nil }
                ip = .v4(UInt32(value))
            case UInt8(ascii: "s"):
                guard let high = number(16), let low = number(16) else { return nil }
                ip = .v6(high: high, low: low)
            default: return nil
            }
            return Peer(
                flow: FlowID(raw: UInt32(flow)), address: TransportAddress(ip: ip, port: UInt16(port)))
        }
        guard let caller = peer(), let callee = peer(), let tag = number(8), let seal = number(16),
            place == bytes.endIndex
        else { return nil }
        self.init(caller: caller, callee: callee, callerTag: UInt32(tag))
        guard self.seal(maker) == seal else { return nil }
    }

    init(caller: Peer, callee: Peer, callerTag: UInt32) {
        self.caller = caller
        self.callee = callee
        self.callerTag = callerTag
    }

    private func seal(_ maker: NonceMaker) -> UInt64 {
        var numbers: [UInt64] = [UInt64(callerTag)]
        for peer in [caller, callee] {
            numbers.append(UInt64(peer.flow.raw) << 16 | UInt64(peer.address.port))
            switch peer.address.ip {
            case .v4(let value): numbers.append(UInt64(value))
            case .v6(let high, let low): numbers += [high, low]
            }
        }
        return maker.keyedHash(numbers).0
    }

    /// The other side of the one who sends a request with this From tag.
    func peer(opposite fromTag: UInt32) -> Peer { fromTag == callerTag ? callee : caller }
}

extension Message {
    /// The hash under which a route token knows the From tag.
    var fromTagHash: UInt32 { fromTag.map { UInt32(truncatingIfNeeded: hash(of: $0) >> 32) } ?? 0 }
}
