// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import Glibc
import RunMetrics

/// Finds out whether silence means "nothing listens there" (G2): Linux tells an unconnected UDP socket nothing of ICMP.
///
/// A destination that stays silent for a moment gets the keep-alive of RFC 5626 §3.5.1 from a socket of our own whose error
/// queue is read; ICMP's answer to it holds for the messages before it. Servers that answer never see a probe.
struct RefusalProbe {
    /// A destination that was sent to, and since when it has owed an answer.
    private struct Peer {
        var address: TransportAddress
        var silentSince: Instant?
        var probedAt: Instant?
    }

    /// Silence before the first probe: longer than a busy server takes, shorter than T1's first retransmission.
    static var patience: Interval { .milliseconds(300) }
    /// Time between two probes of one destination, and between two looks at the error queue.
    static var repeatAfter: Interval { .seconds(1) }
    static var lookAfter: Interval { .milliseconds(50) }
    /// Destinations watched at once: a run has a few registrars and proxies, contacts come through those.
    static var peerLimit: Int { 64 }

    private var peers: [Peer] = []
    private var latest = 0
    private var descriptorV6: CInt = -1
    private var descriptorV4: CInt = -1
    private(set) var nextDeadline: Instant?

    /// A datagram left for `destination`.
    mutating func sent(to destination: TransportAddress, now: Instant) {
        guard let index = find(destination, adding: true), peers[index].silentSince == nil else { return }
        peers[index].silentSince = now
        let due = now + Self.patience
        nextDeadline = min(nextDeadline ?? due, due)
    }

    /// Something came from `source`.
    mutating func heard(from source: TransportAddress) {
        guard let index = find(source, adding: false) else { return }
        peers[index].silentSince = nil
        peers[index].probedAt = nil
    }

    /// Sends the probes that are due, and tells which destinations ICMP refused since the last look.
    mutating func advance(to now: Instant) -> [(destination: TransportAddress, fault: TransportFault)] {
        guard let due = nextDeadline, due <= now else { return [] }
        let refused = readErrors()
        for refusal in refused {
            guard let index = find(refusal.destination, adding: false) else { continue }
            peers[index].silentSince = nil
        }
        nextDeadline = nil
        for index in peers.indices {
            guard let since = peers[index].silentSince else { continue }
            let wanted = peers[index].probedAt.map { $0 + Self.repeatAfter } ?? since + Self.patience
            if wanted <= now {
                peers[index].probedAt = now
                probe(peers[index].address)
            }
            let next = wanted <= now || peers[index].probedAt != nil ? now + Self.lookAfter : wanted
            nextDeadline = min(nextDeadline ?? next, next)
        }
        return refused
    }

    /// Gives the sockets back.
    mutating func close() {
        for descriptor in [descriptorV4, descriptorV6] where descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptorV4 = -1
        descriptorV6 = -1
        nextDeadline = nil
        peers.removeAll()
    }

    private mutating func find(_ address: TransportAddress, adding: Bool) -> Int? {
        if latest < peers.count, peers[latest].address == address { return latest }
        if let index = peers.firstIndex(where: { $0.address == address }) {
            latest = index
            return index
        }
        guard adding, peers.count < Self.peerLimit else { return nil }
        peers.append(Peer(address: address))
        latest = peers.count - 1
        return latest
    }

    private mutating func probe(_ destination: TransportAddress) {
        let descriptor = socket(for: destination)
        guard descriptor >= 0 else { return }
        let ping: StaticString = "\r\n\r\n"
        var datagram = callmeter_datagram(
            destination: destination.endpoint, offset: 0, length: UInt32(ping.utf8CodeUnitCount))
        var code: CInt = 0
        // A pending error of an earlier probe is told instead of sending: then this one goes out at the next turn.
        _ = callmeter_datagrams_send(descriptor, ping.utf8Start, &datagram, 1, &code)
    }

    private mutating func socket(for destination: TransportAddress) -> CInt {
        let endpoint = destination.endpoint
        let isV6 = endpoint.is_v6 != 0
        let existing = isV6 ? descriptorV6 : descriptorV4
        if existing >= 0 { return existing }
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let made = Glibc.socket(isV6 ? AF_INET6 : AF_INET, type, 0)
        guard made >= 0 else { return -1 }
        guard callmeter_error_queue_enable(made, isV6 ? 1 : 0) == 0 else {
            _ = Glibc.close(made)
            return -1
        }
        if isV6 { descriptorV6 = made } else { descriptorV4 = made }
        return made
    }

    private func readErrors() -> [(destination: TransportAddress, fault: TransportFault)] {
        var refused: [(destination: TransportAddress, fault: TransportFault)] = []
        for descriptor in [descriptorV4, descriptorV6] where descriptor >= 0 {
            var entry = callmeter_datagram_error()
            for _ in 0..<Self.peerLimit {
                guard callmeter_error_queue_take(descriptor, &entry) == 1 else { break }
                guard entry.has_destination != 0 else { continue }
                let destination = TransportAddress(entry.destination)
                if !refused.contains(where: { $0.destination == destination }) {
                    refused.append((destination, TransportFault(errno: entry.code)))
                }
            }
        }
        return refused
    }
}
