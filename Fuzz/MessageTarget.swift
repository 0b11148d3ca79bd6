// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// The message parser: every place lies in the message, what is written from it is the same message again, and whatever the
/// transaction layer answers is a message.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMessage(_ data: UnsafePointer<UInt8>, _ size: Int) -> Int32 {
    guard size <= Limits.messageSize, let message = try? Message.parse(datagram: .init(start: data, count: size)) else {
        return 0
    }
    checkPlaces(message)
    checkRewriting(message)
    checkAnswers(message)
    return 0
}

private func checkPlaces(_ message: Message) {
    let count = message.count
    require(message.body, within: count, "the body")
    require(message.methodToken, within: count, "the method")
    if let uri = message.requestURI { check(uri, of: message) }
    for place in 0..<message.headerLines {
        let line = message.header(at: place)
        require(line.nameToken, within: count, "a name")
        require(line.value, within: count, "a value")
        require(line.nameToken.end < line.value.start || line.value.isEmpty, "a value begins before its name ends")
        requireOneLine(message.bytes(of: line.value), "a value")
    }
    message.forEachVia { via in
        for slice in [via?.host, via?.branch, via?.received, via?.parameters, via?.whole] {
            require(slice, within: count, "a Via")
        }
        return true
    }
    for name in [HeaderName.from, .to, .contact, .route, .recordRoute, .path, .serviceRoute, .referTo, .replaces] {
        message.forEachAddress(name) { address in
            guard let address else { return true }
            require(address.displayName, within: count, "a name")
            require(address.parameters, within: count, "parameters")
            check(address.uri, of: message)
            return true
        }
    }
    for slice in [message.callID, message.fromTag, message.toTag, message.contentType, message.cSeq?.methodToken] {
        require(slice, within: count, "a field")
    }
    _ = message.retryAfter
    _ = message.lists(.supported, "100rel")
}

private func check(_ slice: Slice, of message: Message) {
    require(slice, within: message.count, "a URI")
    guard let uri = message.uri(slice) else { return }
    for part in [uri.user, uri.password, uri.host, uri.parameters, uri.headers] {
        require(part, within: message.count, "a part of a URI")
    }
    _ = message.ip(of: uri.host)
}

/// A message written from what was read, read again, is the same.
private func checkRewriting(_ message: Message) {
    guard [nil, .via, .from, .to, .callID, .cSeq, .methodMismatch].contains(message.defect) else { return }
    var writer = MessageWriter()
    switch message.startLine {
    case .request(_, let uri):
        writer.append(message.methodToken, of: message)
        writer.output.append(0x20)
        writer.append(uri, of: message)
        writer.endRequestLine()
    case .response(let status, let reason):
        writer.output.append("SIP/2.0 ")
        writer.output.append(decimal: UInt64(status))
        writer.output.append(0x20)
        writer.append(reason, of: message)
        writer.endLine()
    }
    var kept: [Message.Header] = []
    for place in 0..<message.headerLines {
        let line = message.header(at: place)
        guard line.name != .contentLength else { continue }
        kept.append(line)
        writer.copy(line, of: message)
    }
    writer.header(.contentLength, decimal: UInt64(message.body.length))
    writer.endLine()
    writer.append(message.body, of: message)
    guard writer.bytes.count <= Limits.messageSize, kept.count < Limits.headerCount else { return }
    guard let again = try? Message.parse(writer.bytes) else { fatalError("what was read cannot be read again") }
    require(again.method == message.method && again.status == message.status, "another first line")
    require(again.headerLines == kept.count + 1, "another number of lines")
    for (place, line) in kept.enumerated() {
        let other = again.header(at: place)
        require(other.name == line.name, "another header")
        require(again.bytes(of: other.value) == message.bytes(of: line.value), "another value")
    }
    require(again.bytes(of: again.body) == message.bytes(of: message.body), "another body")
    require(again.defect == message.defect, "another verdict")
}

/// What the transaction layer sends in return is a message that names the same transaction.
private func checkAnswers(_ message: Message) {
    var layer = TransactionLayer(random: SeededRandom(seed: 7))
    let source = TransportAddress(192, 0, 2, 7, port: 5060)
    let now = Instant(nanoseconds: 1_000_000)
    switch layer.receive(message, flow: FlowID(raw: 1), source: source, now: now) {
    case .request(let id): layer.respond(id, status: 486, toTag: Array("t".utf8), now: now)
    case .cancel(let id, _): layer.respond(id, status: 481, toTag: Array("t".utf8), now: now)
    case .response, .acknowledgement, .absorbed, .defective: break
    }
    for transmission in layer.transmissions {
        let bytes = Array(layer.writer.bytes[transmission.range])
        guard bytes.count <= Limits.messageSize else { continue }
        guard let answer = try? Message.parse(bytes) else { fatalError("an answer is no message") }
        require(answer.status != nil, "an answer is no response")
        guard let asked = message.callID, let said = answer.callID else { continue }
        require(answer.bytes(of: said) == message.bytes(of: asked), "an answer to another call")
    }
}
