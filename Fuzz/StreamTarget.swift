// SPDX-License-Identifier: Apache-2.0

import SIP

/// The stream framer: two cuts anywhere, given by the first four bytes, change no message and no verdict.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStream(_ data: UnsafePointer<UInt8>, _ size: Int) -> Int32 {
    guard size >= 4, size <= 200_000 else { return 0 }
    let stream = UnsafeRawBufferPointer(start: data + 4, count: size - 4)
    let places = [Int(data[0]) << 8 | Int(data[1]), Int(data[2]) << 8 | Int(data[3])].map { $0 % (stream.count + 1) }
        .sorted()
    let whole = read([stream])
    let cut = read([
        .init(rebasing: stream[..<places[0]]), .init(rebasing: stream[places[0]..<places[1]]),
        .init(rebasing: stream[places[1]...]),
    ])
    require(whole.messages == cut.messages, "cuts change the messages")
    require(whole.failed == cut.failed, "cuts change the verdict")
    require(whole.failed || whole.waiting == cut.waiting, "cuts change what is left")
    return 0
}

private func read(_ pieces: [UnsafeRawBufferPointer]) -> (messages: [[UInt8]], failed: Bool, waiting: Int) {
    var framer = StreamFramer()
    var messages: [[UInt8]] = []
    for piece in pieces {
        framer.append(piece)
        do throws(ParseError) {
            while let frame = try framer.next() {
                guard case .message(let message) = frame else { continue }
                let bytes = message.withBytes { Array($0) }
                messages.append(bytes)
                guard let alone = try? Message.parse(bytes) else { fatalError("a framed message is none alone") }
                require(alone.headerLines == message.headerLines, "a framed message reads otherwise alone")
                require(alone.defect == message.defect, "a framed message has another verdict alone")
            }
        } catch { return (messages, true, framer.waiting) }
    }
    return (messages, false, framer.waiting)
}
