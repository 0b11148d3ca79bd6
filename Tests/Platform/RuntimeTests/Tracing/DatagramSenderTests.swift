// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Glibc
import Testing

@testable import Runtime

@Suite struct DatagramSenderTests {
    /// A bound socket that receives, until it is closed.
    private struct Receiver {
        let descriptor: Int32
        let address: TransportAddress

        init() throws {
            let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            var room: Int32 = 4 << 20
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, socklen_t(MemoryLayout<Int32>.size))
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let bound = withUnsafeMutablePointer(to: &place) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
                }
            }
            try #require(bound)
            self.descriptor = descriptor
            address = TransportAddress(127, 0, 0, 1, port: UInt16(bigEndian: place.sin_port))
        }

        /// What has come, without waiting.
        func all() -> [[UInt8]] {
            var datagrams: [[UInt8]] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                guard count >= 0 else { return datagrams }
                datagrams.append(Array(buffer[..<count]))
            }
        }
    }

    @Test func `everything taken before the end is sent, in order`() async throws {
        let receiver = try Receiver()
        defer { close(receiver.descriptor) }
        let sender = try DatagramSender(to: receiver.address)
        let datagrams = (0..<300).map { number in [UInt8(number >> 8), UInt8(number & 255), 7] }
        for start in stride(from: 0, to: 300, by: 50) { sender.send(Array(datagrams[start..<start + 50])) }
        #expect(await sender.close() == 0)
        #expect(receiver.all() == datagrams)
        sender.send([[1]])
        #expect(receiver.all().isEmpty)
    }

    @Test func `a place where nobody listens costs nothing, and what finds no room is counted`() async throws {
        let receiver = try Receiver()
        close(receiver.descriptor)
        let sender = try DatagramSender(to: receiver.address)
        let large = [UInt8](repeating: 0, count: 60_000)
        sender.send(Array(repeating: large, count: 2_000))
        #expect(await sender.close() > 0)
    }
}
