// SPDX-License-Identifier: Apache-2.0

/// What tells server transactions apart (RFC 3261 §17.2.3), as a keyed hash of 128 bits.
///
/// The key is drawn at start, so nobody outside can aim at a collision, and among a million transactions chance makes one with
/// a probability of about 10^-27. ACK and CANCEL are looked up under the key of the INVITE they belong to.
struct TransactionKey: Hashable, Sendable {
    private var first: UInt64
    private var second: UInt64

    func hash(into hasher: inout Hasher) {
        // Already mixed; one word is enough to spread over the table.
        hasher.combine(first)
    }

    /// The key of a request under `method`; nil when it has no usable Via.
    init?(_ message: Message, via: Via, method: Method, seed: (UInt64, UInt64)) {
        first = 0xCBF2_9CE4_8422_2325 ^ seed.0
        second = 0x6C62_272E_07BB_0142 ^ seed.1
        mix(UInt64(method.rawValue) << 32 | UInt64(via.sentByPort))
        mix(message, via.host)
        if let branch = via.branch, message.hasMagicCookie(branch) {
            mix(message, branch)
            return
        }
        // RFC 2543: no unique branch, so Request-URI, From tag, Call-ID, CSeq number and the whole topmost Via decide. The To tag is
        // left out: an ACK carries the one that the answer brought.
        guard let callID = message.callID, let cSeq = message.cSeq, let uri = message.requestURI else { return nil }
        mix(UInt64(cSeq.number))
        mix(message, callID)
        mix(message, uri)
        mix(message, via.whole)
        if let tag = message.fromTag { mix(message, tag) }
    }

    private mutating func mix(_ value: UInt64) {
        first = (first ^ value) &* 0x9E37_79B9_7F4A_7C15
        first ^= first >> 29
        second = (second ^ value) &* 0xC2B2_AE3D_27D4_EB4F
        second ^= second >> 31
    }

    private mutating func mix(_ message: Message, _ slice: Slice) {
        message.withBytes(of: slice) { bytes in
            mix(UInt64(bytes.count))
            var place = 0
            while place + 8 <= bytes.count {
                mix(bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                place += 8
            }
            var rest: UInt64 = 0
            while place < bytes.count {
                rest = rest << 8 | UInt64(bytes[place])
                place += 1
            }
            mix(rest)
        }
    }
}

extension Message {
    /// Whether a branch begins with the magic cookie, so that it alone names the transaction (RFC 3261 §8.1.1.7).
    func hasMagicCookie(_ branch: Slice) -> Bool {
        branch.length > 7 && matches(Slice(offset: branch.start, length: 7), "z9hG4bK")
    }
}
