// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Reports
import RunMetrics

/// Kept traces: any bytes are refused or read; what was read is written back the same, and can be drawn, captured and packed whatever its
/// messages hold.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTrace(_ data: UnsafePointer<UInt8>, _ size: Int) -> Int32 {
    let given = Array(UnsafeBufferPointer(start: data, count: size))
    guard let trace = EndpointTrace(encoded: given) else { return 0 }
    require(trace.encoded == given, "it is not written as it was read")
    require(trace.messages.reduce(0) { $0 + $1.bytes.count } <= size, "more was read than there is")
    var capture = PacketCapture()
    require(capture.records(of: [trace]).count >= trace.messages.count * (16 + 20 + 8), "a message is missing")
    for packet in HEP3().packets(of: trace) {
        require(packet.count <= 65_507, "a packet is too long for a datagram")
        require(Int(packet[4]) << 8 | Int(packet[5]) == packet.count, "a packet tells another length")
    }
    let text = Ladder.text(trace, columns: 80, isASCII: size % 2 == 0, mostMessages: 10)
    require(!text.utf8.contains(0x1B), "an escape character is drawn")
    return 0
}
