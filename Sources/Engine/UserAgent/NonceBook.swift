// SPDX-License-Identifier: Apache-2.0

import SIP

/// The challenges that an account met at its registrar, and how often each of their nonces was used.
///
/// Registration and calls of an endpoint share it, so a nonce that serves both counts on and never repeats a count (RFC 7616 §3.4,
/// nc). One challenge lies in place, as most accounts never meet a second realm.
struct NonceBook: Sendable {
    /// Realms kept, of 401 and 407 together; one more takes the place of the oldest.
    static let capacity = 8
    /// Nonces that were given up without being called stale, and might come back: of other backends behind a load balancer.
    static let retiredLimit = 4

    /// A set of places in the book.
    struct Places: Hashable, Sendable {
        private(set) var bits: UInt8 = 0

        var isEmpty: Bool { bits == 0 }
        /// The lowest place, nil when it is empty.
        var first: Int? { bits == 0 ? nil : bits.trailingZeroBitCount }

        func contains(_ place: Int) -> Bool { bits & (1 << UInt8(truncatingIfNeeded: place)) != 0 }
        mutating func insert(_ place: Int) { bits |= 1 << UInt8(truncatingIfNeeded: place) }
        mutating func remove(_ place: Int) { bits &= ~(1 << UInt8(truncatingIfNeeded: place)) }
    }

    /// A challenge to be answered until the next one for its realm.
    struct Entry: Sendable {
        var challenge: Challenge
        /// Whether it came in a 407.
        var isProxy: Bool
        /// Whether credentials for this realm were accepted before: the password is right then.
        var isTrusted = false
        /// Requests sent with this nonce.
        var nonceCount: UInt32 = 0
    }

    private var head: Entry?
    private var more: [Entry] = []
    private var retired: [(nonce: UInt64, count: UInt32)] = []
    /// The place of the challenge that came last.
    private var latest: UInt8 = 0

    /// How many realms are kept.
    var count: Int { head == nil ? 0 : more.count + 1 }

    /// A challenge by its place.
    subscript(_ place: Int) -> Entry? {
        if place == 0 { return head }
        return place > 0 && place <= more.count ? more[place - 1] : nil
    }

    private mutating func set(_ entry: Entry, at place: Int) {
        if place == 0 {
            head = entry
        } else if place <= more.count {
            more[place - 1] = entry
        } else {
            more.append(entry)
        }
    }

    /// Where the challenge of a realm is.
    func place(ofRealm realm: ArraySlice<UInt8>, isProxy: Bool) -> Int? {
        (0..<count).first { place in
            guard let entry = self[place] else { return false }
            return entry.isProxy == isProxy && entry.challenge.realm.elementsEqual(realm)
        }
    }

    /// Whether a realm was met, in a 401 or a 407.
    func knows(realm: ArraySlice<UInt8>) -> Bool {
        (0..<count).contains { self[$0]?.challenge.realm.elementsEqual(realm) ?? false }
    }

    /// Keeps a challenge, in the place of the one before for its realm.
    mutating func keep(_ challenge: Challenge, isProxy: Bool) -> Int {
        let usedBefore = uses(of: challenge.nonce)
        var place = self.place(ofRealm: challenge.realm, isProxy: isProxy) ?? count
        if place == Self.capacity { place = (Int(latest) + 1) % Self.capacity }
        var entry = Entry(challenge: challenge, isProxy: isProxy)
        if let old = self[place] {
            if !challenge.isStale { retire(old, unless: challenge.nonce) }
            entry.isTrusted = old.isTrusted && old.challenge.realm.elementsEqual(challenge.realm)
        }
        entry.nonceCount = usedBefore
        set(entry, at: place)
        latest = UInt8(truncatingIfNeeded: place)
        return place
    }

    /// The challenge at a place and the count for the request about to be written.
    mutating func use(_ place: Int) -> (Challenge, UInt32)? {
        guard var entry = self[place] else { return nil }
        // A server may challenge with 401 and 407 in one second and name one nonce in both.
        entry.nonceCount = (more.isEmpty ? entry.nonceCount : uses(of: entry.challenge.nonce)) &+ 1
        set(entry, at: place)
        return (entry.challenge, entry.nonceCount)
    }

    /// Credentials for the realm at a place were accepted.
    mutating func trust(_ place: Int) {
        guard var entry = self[place], !entry.isTrusted else { return }
        entry.isTrusted = true
        set(entry, at: place)
    }

    /// The nonce to use next for the realm at a place (`nextnonce`, RFC 7616 §3.5).
    mutating func follow(nextNonce: ArraySlice<UInt8>, at place: Int) {
        guard let entry = self[place], !entry.challenge.nonce.elementsEqual(nextNonce),
            let challenge = entry.challenge.with(nonce: nextNonce)
        else { return }
        _ = keep(challenge, isProxy: entry.isProxy)
    }

    /// How often a nonce was used so far.
    private func uses(of nonce: ArraySlice<UInt8>) -> UInt32 {
        var most: UInt32 = 0
        for place in 0..<count {
            if let entry = self[place], entry.challenge.nonce.elementsEqual(nonce) {
                most = max(most, entry.nonceCount)
            }
        }
        guard !retired.isEmpty else { return most }
        let hash = FlowTable.hash(nonce)
        return retired.reduce(most) { $1.nonce == hash ? max($0, $1.count) : $0 }
    }

    private mutating func retire(_ entry: Entry, unless nonce: ArraySlice<UInt8>) {
        guard entry.nonceCount > 0, !entry.challenge.nonce.elementsEqual(nonce) else { return }
        if retired.count == Self.retiredLimit { retired.removeFirst() }
        retired.append((FlowTable.hash(entry.challenge.nonce), uses(of: entry.challenge.nonce)))
    }
}
