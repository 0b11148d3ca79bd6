// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Glibc
import Media
import SIP

/// Our side of `scripts/bench parser`: the same work on the same messages as Benchmarks/parser/*.c, which say what it is.
@main struct ParseBench {
    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "fields", arguments.count > 1 {
            for path in arguments.dropFirst() { printFields(path) }
        } else if arguments.first == "time", arguments.count > 2, let count = Int(arguments[2]), count >= 10 {
            for path in arguments.dropFirst(2) { printTime(path, count: count) }
        } else {
            fail("usage: parse-bench fields FILE... | time COUNT FILE...", status: 2)
        }
    }

    private static func printFields(_ path: String) {
        read(path).withUnsafeBytes { bytes in
            guard let message = try? Message.parse(datagram: bytes), let fields = Fields(message) else {
                return fail("\(path): refused", status: 1)
            }
            print(fields.text(in: message))
        }
    }

    private static func printTime(_ path: String, count: Int) {
        read(path).withUnsafeBytes { bytes in
            var sum = repeated(count / 10, bytes)
            let start = processorNanoseconds()
            sum &+= repeated(count, bytes)
            let end = processorNanoseconds()
            guard sum != 0 else { return fail("\(path): refused", status: 1) }
            let tenths = Int64((end - start) * 10 / UInt64(count))
            print("\(path) \(tenths / 10).\(tenths % 10)")
        }
    }

    /// Parses a message again and again; 0 when it was refused once.
    @inline(never) private static func repeated(_ count: Int, _ bytes: UnsafeRawBufferPointer) -> Int {
        var sum = 0
        for _ in 0..<count {
            guard let message = try? Message.parse(datagram: bytes), let fields = Fields(message) else { return 0 }
            sum &+= fields.sum
        }
        return sum
    }

    private static func read(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        return [UInt8](unsafeUninitializedCapacity: Limits.messageSize) { buffer, filled in
            filled = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
        }
    }

    private static func processorNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func fail(_ text: String, status: Int32) {
        _ = (text + "\n").utf8.withContiguousStorageIfAvailable { write(2, $0.baseAddress, $0.count) }
        exit(status)
    }
}

/// What is taken out of every message.
private struct Fields {
    var branch: Slice
    var fromTag: Slice
    var toTag: Slice?
    var callID: Slice
    var cSeq: CSeq
    var contact: SIPURI
    var length: UInt32
    var media: TransportAddress?

    init?(_ message: Message) {
        guard let branch = message.topVia?.branch, let fromTag = message.fromTag, let callID = message.callID,
            let cSeq = message.cSeq, let contact = message.firstContact.flatMap({ message.uri($0.uri) }),
            let length = message.contentLength
        else { return nil }
        (self.branch, self.fromTag, self.callID, self.cSeq) = (branch, fromTag, callID, cSeq)
        (self.contact, self.length, self.toTag) = (contact, length, message.toTag)
        guard message.hasSDP else { return }
        let session = try? SessionDescription(parsing: message.bytes(of: message.body))
        guard case .ip(let ip) = session?.connection, let port = session?.media.first?.port else { return nil }
        media = TransportAddress(ip: ip, port: port)
    }

    /// Depends on every field, so that none is left out of the work.
    var sum: Int {
        var sum = branch.end &+ fromTag.end &+ (toTag?.end ?? 0) &+ callID.end &+ Int(cSeq.number)
        sum &+= contact.host.end &+ (contact.user?.end ?? 0) &+ Int(contact.port ?? 0) &+ Int(length)
        return sum &+ Int(media?.port ?? 0) &+ (media?.isLoopback == true ? 1 : 2)
    }

    func text(in message: Message) -> String {
        func part(_ slice: Slice?) -> String { slice.map { message.string(of: $0) } ?? "" }
        let head = "branch=\(part(branch)) from=\(part(fromTag)) to=\(part(toTag)) call-id=\(part(callID))"
        let body = "length=\(length) sdp=\(media?.ip.text ?? ""):\(media?.port ?? 0)"
        let uri = "\(part(contact.user))@\(part(contact.host)):\(contact.port ?? 0)"
        return "\(head) cseq=\(cSeq.number) \(part(cSeq.methodToken)) contact=\(uri) \(body)"
    }
}
