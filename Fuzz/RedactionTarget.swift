// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// Redaction: any bytes keep their length and line ends, a second time changes nothing, and of what is a message for the parser no
/// header with credentials keeps a response.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRedaction(_ data: UnsafePointer<UInt8>, _ size: Int) -> Int32 {
    guard size <= Limits.messageSize else { return 0 }
    let given = Array(UnsafeBufferPointer(start: data, count: size))
    let shown = Redaction.redacted(given)
    require(shown.count == given.count, "the length changed")
    require(Redaction.redacted(shown) == shown, "a second time changes more")
    for (place, byte) in given.enumerated() where shown[place] != byte {
        require(shown[place] == Redaction.mask, "something else than the mask was written")
        require(byte != 0x0D && byte != 0x0A, "a line end was overwritten")
    }
    guard let message = try? Message.parse(datagram: UnsafeRawBufferPointer(start: data, count: size)) else { return 0 }
    for place in 0..<message.headerLines {
        let line = message.header(at: place)
        let name = message.bytes(of: line.nameToken).map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
        guard name == Array("authorization".utf8) || name == Array("proxy-authorization".utf8) else { continue }
        requireNoResponse(shown[line.value.start..<line.value.end])
    }
    return 0
}

/// Behind every `response=` stands the mask, or the word lies between quotes.
private func requireNoResponse(_ value: ArraySlice<UInt8>) {
    let word = Array("response=".utf8)
    var isQuoted = false
    var place = value.startIndex
    while place < value.endIndex {
        if value[place] == UInt8(ascii: "\\"), isQuoted {
            place += 2
            continue
        }
        if value[place] == UInt8(ascii: "\"") { isQuoted.toggle() }
        if !isQuoted, value[place...].starts(with: word) {
            let rest = value[(place + word.count)...].drop { $0 == UInt8(ascii: "\"") || $0 <= 0x20 }
            require(rest.isEmpty || rest.first == Redaction.mask, "a response survived")
        }
        place += 1
    }
}
