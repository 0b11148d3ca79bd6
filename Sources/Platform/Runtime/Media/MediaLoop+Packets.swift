// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CNet
import Glibc
import Media
import RunMetrics

/// The part that runs for every packet: no allocation, no lock, no hop.
extension MediaLoop {
    /// ICMP errors taken from a socket at one time; more stay for the next wake-up.
    private static var errorsAtOnce: Int { 16 }

    /// Sends what a stream has due and gives its next deadline.
    func service(_ index: Int) -> Instant {
        guard var due = streams[index]?.session.nextPacketDue else { return .distantFuture }
        let now = SystemClock.now()
        if due <= now, let length = streams[index]?.session.writePacket(into: output, now: now), length > 0 {
            figures.lateness.record(now - due)
            sendPacket(index, length: length)
        }
        if let report = streams[index]?.session.nextReportDue, report <= now {
            let length = streams[index]?.session.writeReport(into: output, now: now) ?? 0
            sendControl(index, length: length)
        }
        due = streams[index]?.session.nextDue ?? .distantFuture
        return due
    }

    private func sendPacket(_ index: Int, length: Int) {
        guard var peer = streams[index]?.peer.rtp, let descriptor = streams[index]?.port.rtpDescriptor else { return }
        if callmeter_send(descriptor, output.baseAddress, UInt32(length), &peer) == 0 {
            figures.packetsSent += 1
        } else {
            streams[index]?.sendErrors += 1
        }
    }

    private func sendControl(_ index: Int, length: Int) {
        guard length > 0, var peer = streams[index]?.peer.rtcp, let descriptor = streams[index]?.port.rtcpDescriptor
        else { return }
        // A peer without RTCP is no fault of the stream: the result does not matter.
        _ = callmeter_send(descriptor, output.baseAddress, UInt32(length), &peer)
    }

    func sayBye(_ index: Int) {
        let length = streams[index]?.session.writeBye(into: output, now: SystemClock.now()) ?? 0
        sendControl(index, length: length)
    }

    /// Takes up to `count` datagrams from a socket.
    func receive(_ descriptor: Int32, isControl: Bool, count: Int32) {
        let found = callmeter_receive(descriptor, received, count)
        guard found > 0 else { return }
        let index = stream(of: descriptor)
        guard index >= 0 else {
            figures.strays += UInt64(found)
            return
        }
        let now = SystemClock.now()
        for number in 0..<Int(found) {
            let packet = received[number]
            let bytes = UnsafeRawBufferPointer(start: packet.data, count: Int(min(packet.length, packet.capacity)))
            let arrival =
                packet.arrival == 0 ? now : min(now, Instant(nanoseconds: packet.arrival - clockDifference))
            if isControl || RTPPacket.isControl(bytes) {
                streams[index]?.session.receiveControl(bytes, at: arrival)
            } else {
                receivePacket(index, bytes, from: packet.peer, arrival: arrival, now: now)
            }
        }
    }

    private func receivePacket(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, from peer: callmeter_address, arrival: Instant, now: Instant
    ) {
        guard let isSymmetric = streams[index]?.session.isSymmetric else { return }
        var sender: TransportAddress?
        if isSymmetric {
            var peer = peer
            var endpoint = callmeter_endpoint()
            if callmeter_address_get(&peer, &endpoint) == 1 { sender = TransportAddress(endpoint) }
        }
        guard streams[index]?.session.receivePacket(bytes, from: sender, at: arrival) == true else { return }
        figures.packetsReceived += 1
        if isSymmetric, let session = streams[index]?.session { streams[index]?.peer.follow(session) }
        let length = streams[index]?.session.writeEcho(of: bytes, into: output, now: now) ?? 0
        if length > 0 { sendPacket(index, length: length) }
    }

    /// Takes ICMP errors off a socket's queue; those of RTP count against the stream.
    func takeErrors(_ descriptor: Int32, isControl: Bool) {
        let index = stream(of: descriptor)
        var entry = callmeter_datagram_error()
        for _ in 0..<Self.errorsAtOnce {
            guard callmeter_error_queue_take(descriptor, &entry) == 1 else { return }
            if index >= 0, !isControl { streams[index]?.unreachable += 1 }
        }
    }
}
