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
        guard let stream = streams[index] else { return .distantFuture }
        let now = SystemClock.now()
        let due = stream.pointee.session.nextPacketDue
        if due <= now {
            let length = stream.pointee.session.writePacket(into: output, now: now)
            figures.lateness.record(now - due)
            sendPacket(stream, length: length)
        }
        if stream.pointee.session.nextReportDue <= now {
            sendControl(stream, length: stream.pointee.session.writeReport(into: output, now: now))
        }
        return stream.pointee.session.nextDue
    }

    private func sendPacket(_ stream: UnsafeMutablePointer<MediaStream>, length: Int) {
        let descriptor = stream.pointee.port.rtpDescriptor
        if callmeter_send(descriptor, output.baseAddress, UInt32(length), &stream.pointee.rtpPeer) == 0 {
            figures.packetsSent += 1
        } else {
            stream.pointee.sendErrors += 1
        }
    }

    private func sendControl(_ stream: UnsafeMutablePointer<MediaStream>, length: Int) {
        guard length > 0 else { return }
        // A peer without RTCP is no fault of the stream: the result does not matter.
        _ = callmeter_send(
            stream.pointee.port.rtcpDescriptor, output.baseAddress, UInt32(length), &stream.pointee.rtcpPeer)
    }

    func sayBye(_ stream: UnsafeMutablePointer<MediaStream>) {
        sendControl(stream, length: stream.pointee.session.writeBye(into: output, now: SystemClock.now()))
    }

    /// Takes up to `count` datagrams from a socket.
    func receive(_ descriptor: Int32, isControl: Bool, count: Int32) {
        let found = callmeter_receive(descriptor, received, count)
        guard found > 0 else { return }
        guard let stream = streams[index(of: descriptor)] else {
            figures.strays += UInt64(found)
            return
        }
        let now = wakeTime
        for number in 0..<Int(found) {
            let packet = received + number
            let length = Int(min(packet.pointee.length, packet.pointee.capacity))
            let bytes = UnsafeRawBufferPointer(start: packet.pointee.data, count: length)
            let stamp = packet.pointee.arrival
            let arrival = stamp == 0 ? now : min(now, Instant(nanoseconds: stamp - clockDifference))
            if isControl || RTPPacket.isControl(bytes) {
                stream.pointee.session.receiveControl(bytes, at: arrival)
            } else {
                receivePacket(stream, bytes, from: number, arrival: arrival, now: now)
            }
        }
    }

    private func receivePacket(
        _ stream: UnsafeMutablePointer<MediaStream>, _ bytes: UnsafeRawBufferPointer, from number: Int,
        arrival: Instant, now: Instant
    ) {
        let isSymmetric = stream.pointee.session.isSymmetric
        var sender: TransportAddress?
        if isSymmetric {
            var endpoint = callmeter_endpoint()
            if callmeter_address_get(&received[number].peer, &endpoint) == 1 { sender = TransportAddress(endpoint) }
        }
        guard stream.pointee.session.receivePacket(bytes, from: sender, at: arrival) else { return }
        figures.packetsReceived += 1
        if isSymmetric { stream.pointee.followPeer() }
        guard stream.pointee.session.isEcho else { return }
        let length = stream.pointee.session.writeEcho(of: bytes, into: output, now: now)
        if length > 0 { sendPacket(stream, length: length) }
    }

    /// Takes ICMP errors off a socket's queue; those of RTP count against the stream.
    func takeErrors(_ descriptor: Int32, isControl: Bool) {
        let stream = streams[index(of: descriptor)]
        var entry = callmeter_datagram_error()
        for _ in 0..<Self.errorsAtOnce {
            guard callmeter_error_queue_take(descriptor, &entry) == 1 else { return }
            if !isControl { stream?.pointee.unreachable += 1 }
        }
    }
}
