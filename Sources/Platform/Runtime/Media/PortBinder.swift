// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import Glibc

/// Finds and binds free pairs of an even port and the next one.
struct PortBinder {
    /// Tries per pair when the system chooses: half of its choices are odd, and neighbours are rarely taken.
    private static var attempts: Int { 64 }
    /// Room for 100 ms of G.711 from a sender that bursts, as the kernel counts it (about 1 KiB a datagram), many times over.
    private static var receiveBuffer: Int32 { 64 * 1024 }

    let ip: TransportAddress.IP
    let range: ClosedRange<UInt16>?
    /// Where the search in the range goes on.
    private(set) var nextPort: UInt16
    private var remaining: Int

    init(ip: TransportAddress.IP, range: ClosedRange<UInt16>?, nextPort: UInt16) {
        self.ip = ip
        self.range = range
        self.nextPort = nextPort
        remaining = range.map { ($0.count + 1) / 2 } ?? 0
    }

    mutating func bindPair(thread: Int, wanted: Int, found: Int) throws(MediaError) -> MediaPort {
        var attempt = 0
        while let port = candidate(&attempt) {
            guard let rtp = try open(port: port) else { continue }
            let bound = Self.port(of: rtp)
            // Chosen by the system it may be odd; then it is the RTCP port and RTP goes below it.
            guard let other = try open(port: bound ^ 1) else {
                callmeter_close(rtp)
                continue
            }
            let (even, odd) = bound % 2 == 0 ? (rtp, other) : (other, rtp)
            return MediaPort(
                rtp: TransportAddress(ip: ip, port: bound & ~1), rtcp: TransportAddress(ip: ip, port: bound | 1),
                rtpDescriptor: even, rtcpDescriptor: odd, thread: thread)
        }
        throw .portsExhausted(wanted: wanted, found: found, range: range)
    }

    /// The next RTP port to try, 0 for the system's choice; nil when there is none left.
    private mutating func candidate(_ attempt: inout Int) -> UInt16? {
        guard let range else {
            attempt += 1
            return attempt <= Self.attempts ? 0 : nil
        }
        let first = Int(range.lowerBound) + Int(range.lowerBound % 2)
        while remaining > 0 {
            remaining -= 1
            let port = max(first, Int(nextPort))
            let chosen = port + 1 > Int(range.upperBound) ? first : port
            guard chosen + 1 <= Int(range.upperBound) else { return nil }
            nextPort = UInt16(truncatingIfNeeded: chosen + 2)
            return UInt16(chosen)
        }
        return nil
    }

    /// A socket on a port; nil when it is taken.
    private func open(port: UInt16) throws(MediaError) -> Int32? {
        var endpoint = TransportAddress(ip: ip, port: port).endpoint
        var address = callmeter_address()
        callmeter_address_set(&address, &endpoint)
        let descriptor = callmeter_udp_open(&address, Self.receiveBuffer, 0)
        if descriptor >= 0 { return descriptor }
        switch -descriptor {
        case EADDRINUSE, EACCES: return nil
        case EADDRNOTAVAIL: throw .addressNotLocal(ip)
        default: throw .system(code: -descriptor, action: "open an RTP socket")
        }
    }

    private static func port(of descriptor: Int32) -> UInt16 {
        var address = callmeter_address()
        var endpoint = callmeter_endpoint()
        guard callmeter_local_address(descriptor, &address) == 0, callmeter_address_get(&address, &endpoint) == 1 else {
            return 0
        }
        return endpoint.port
    }
}

extension MediaPort {
    /// Closes both sockets, which also ends their watching.
    func closeSockets() {
        callmeter_close(rtpDescriptor)
        callmeter_close(rtcpDescriptor)
    }
}
