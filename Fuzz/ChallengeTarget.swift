// SPDX-License-Identifier: Apache-2.0

import Bedrock
import CCrypto
import SIP

private let libcrypto = HashFunctions { algorithm, input, output in
    require(
        callmeter_digest(Int32(algorithm.rawValue), input.baseAddress, input.count, output.baseAddress) == 1,
        "a hash function failed")
}

/// Digest challenges: whatever a server writes, the answer is one line, names what was asked, and never the password.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzChallenge(_ data: UnsafePointer<UInt8>, _ size: Int) -> Int32 {
    guard size <= 16_384 else { return 0 }
    var text = Array("SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: ".utf8)
    text.append(contentsOf: UnsafeRawBufferPointer(start: data, count: size))
    text.append(contentsOf: "\r\n\r\n".utf8)
    guard let message = try? Message.parse(text) else { return 0 }
    _ = message.nextNonce
    let arena = SecretArena()
    let secret = Array("correct horse battery".utf8)
    let handle = secret.withUnsafeBytes { arena.store($0) }
    let responder = DigestResponder(hashes: libcrypto, arena: arena)
    let username = Array("al\"ice\\".utf8)
    for challenge in message.challenges(.wwwAuthenticate) {
        for part in [challenge.realm, challenge.nonce, challenge.opaque] { requireOneLine(part, "a challenge") }
        var writer = MessageWriter()
        writer.output.append("OPTIONS sip:a@example.org SIP/2.0\r\n")
        let start = writer.output.count
        let request = DigestResponder.Request(
            method: .options, uri: Array("sip:a@example.org".utf8), nonceCount: 1, cnonce: 42)
        let isWritten: Bool
        do throws(DigestError) {
            try responder.write(
                .authorization, for: challenge, username: username, credential: .password(handle), request: request,
                to: &writer)
            isWritten = true
        } catch { isWritten = false }
        guard isWritten else {
            require(writer.output.count == start, "something was written for a challenge without an answer")
            continue
        }
        require(challenge.isAnswerable, "an answer to what cannot be answered")
        let line = writer.bytes[start...]
        require(line.suffix(2).elementsEqual([0x0D, 0x0A]), "a line without end")
        requireOneLine(line.dropLast(2), "an answer")
        checkAnswer(writer, to: challenge)
    }
    arena.wipeAll()
    return 0
}

private func checkAnswer(_ written: MessageWriter, to challenge: Challenge) {
    var writer = written
    writer.finish()
    guard writer.bytes.count <= Limits.messageSize else { return }
    guard let message = try? Message.parse(writer.bytes) else { fatalError("a request with the answer is no message") }
    require(message.headerLines == 2, "an answer made more than its line")
    var seen = 0
    message.forEachAuthorization(.authorization) { fields in
        require(message.bytes(of: fields.realm) == challenge.realm, "another realm")
        require(message.bytes(of: fields.nonce) == challenge.nonce, "another nonce")
        // A server may ask for the hash of the user's name instead of the name (RFC 7616 §3.4.4).
        let isHashed = challenge.wantsUserhash && [32, 64].contains(fields.username.length)
        require(isHashed || message.matches(fields.username, "al\\\"ice\\\\"), "another user")
        require(fields.response.length == 32 || fields.response.length == 64, "a response of another length")
        seen += 1
        return true
    }
    require(seen == 1, "not one answer")
}
