// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// A registered contact (RFC 3261 §10.3).
struct Binding {
    /// The Contact's URI as sent.
    var uri: [UInt8]
    var callID: [UInt8]
    var cSeq: UInt32
    var expiresAt: Instant
    /// How it is reached.
    var peer: Peer
    /// Preference in thousandths.
    var q: UInt16
}

/// A way to reach somebody: a flow and an address on it.
struct Peer: Hashable {
    var flow: FlowID
    var address: TransportAddress
}

/// An account and what the server knows of it.
struct AccountState {
    /// Contacts at most, as a phone or two need; the fault of a client that never un-registers shows.
    static let maximumBindings = 16
    /// Nonces whose counts are remembered; answers to older ones are stale.
    static let rememberedNonces = 4

    struct NonceUse {
        var nonce: NonceMaker.Nonce
        var count: UInt32
    }

    let account: PBXAccount
    let faults: AccountFaults
    var play = FaultPlay()
    var bindings: [Binding] = []
    var nonceUses: [NonceUse] = []

    /// Notes the use of a nonce. False when its count does not rise (RFC 7616 §3.4) or it is older than the ones remembered.
    mutating func use(_ nonce: NonceMaker.Nonce, count: UInt32?) -> Bool {
        if let place = nonceUses.firstIndex(where: { $0.nonce == nonce }) {
            // The legacy form has no count: each nonce is good for many requests then.
            guard let count else { return true }
            guard count > nonceUses[place].count else { return false }
            nonceUses[place].count = count
            return true
        }
        if nonceUses.count == Self.rememberedNonces {
            guard nonceUses[0].nonce.issued <= nonce.issued else { return false }
            nonceUses.removeFirst()
        }
        let place = nonceUses.firstIndex { $0.nonce.issued > nonce.issued } ?? nonceUses.count
        nonceUses.insert(NonceUse(nonce: nonce, count: count ?? 0), at: place)
        return true
    }

    mutating func removeExpired(_ now: Instant) { bindings.removeAll { $0.expiresAt <= now } }

    /// The contacts that a call goes to at once, the preferred one first: all of the highest preference (RFC 3261 §16.6).
    func targets(_ now: Instant) -> [Binding] {
        let live = bindings.filter { $0.expiresAt > now }
        let highest = live.map(\.q).max()
        return live.filter { $0.q == highest }.reversed()
    }

    /// The contact a request within a dialog goes to: the most preferred, then the one registered last.
    func target(_ now: Instant) -> Binding? {
        bindings.filter { $0.expiresAt > now }.enumerated().max {
            ($0.element.q, $0.offset) < ($1.element.q, $1.offset)
        }?.element
    }
}

/// The accounts by digest username and by address user.
struct AccountTable {
    var states: [AccountState] = []
    private var byUsername: [[UInt8]: Int] = [:]
    private var byAddressUser: [[UInt8]: Int] = [:]

    init(_ accounts: [PBXAccount], faults: [PBXFault]) {
        states.reserveCapacity(accounts.count)
        for account in accounts {
            byUsername[account.username] = states.count
            byAddressUser[account.addressUser] = states.count
            states.append(
                AccountState(account: account, faults: AccountFaults(faults, username: account.username)))
        }
    }

    func place(ofUsername name: [UInt8]) -> Int? { byUsername[name] }
    func place(ofAddressUser name: [UInt8]) -> Int? { byAddressUser[name] }
}

extension Message {
    /// The user of a URI with percent escapes resolved; nil when it has none.
    func unescapedUser(_ uri: SIPURI?) -> [UInt8]? {
        guard let user = uri?.user else { return nil }
        let bytes = bytes(of: user)
        guard bytes.contains(UInt8(ascii: "%")) else { return Array(bytes) }
        var result: [UInt8] = []
        var place = bytes.startIndex
        while place < bytes.endIndex {
            if bytes[place] == UInt8(ascii: "%"), place + 2 < bytes.endIndex,
                let value = UInt8(String(decoding: bytes[place + 1...place + 2], as: UTF8.self), radix: 16)
            {
                result.append(value)
                place += 3
            } else {
                result.append(bytes[place])
                place += 1
            }
        }
        return result
    }

    /// The user of From, nil when there is none.
    var fromUser: [UInt8]? { from.flatMap { unescapedUser(uri($0.uri)) } }

    /// A quoted value with its backslash escapes resolved.
    func unquoted(_ slice: Slice) -> [UInt8] {
        var result: [UInt8] = []
        var isEscaped = false
        for byte in bytes(of: slice) {
            if byte == UInt8(ascii: "\\"), !isEscaped {
                isEscaped = true
            } else {
                result.append(byte)
                isEscaped = false
            }
        }
        return result
    }
}
