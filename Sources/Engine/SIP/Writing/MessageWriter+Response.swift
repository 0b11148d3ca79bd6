// SPDX-License-Identifier: Apache-2.0

public import Bedrock

extension MessageWriter {
    /// Begins a response to a request: status line, Via, From, To, Call-ID, CSeq and, for 101…299 to a request that makes a
    /// dialog, Record-Route (RFC 3261 §8.2.6, §12.1.1). Header lines and `finish` follow.
    ///
    /// - Parameters:
    ///   - toTag: added when the request's To has none; nil leaves To as it is (100, and RFC 3261 §8.2.6.2 allows it there only).
    ///   - source: where the request came from; fills `received` and `rport` of the topmost Via (RFC 3261 §18.2.1, RFC 3581 §4).
    public mutating func beginResponse(
        to request: Message, status: UInt16, toTag: [UInt8]?, source: TransportAddress?
    ) {
        statusLine(status)
        copyVias(of: request, source: source)
        copy(.from, of: request)
        beginHeader(.to)
        if let value = request.first(.to) {
            append(value, of: request)
            if let toTag, request.toTag == nil {
                output.append(";tag=")
                output.append(toTag)
            }
        }
        endLine()
        copy(.callID, of: request)
        copy(.cSeq, of: request)
        let makesDialog = request.method == .invite || request.method == .subscribe || request.method == .refer
        if makesDialog, status > 100, status < 300 { copy(.recordRoute, of: request) }
    }

    /// Copies the Via lines of a request, the topmost element completed with where the request came from: `rport` when it was
    /// asked for, `received` then as well, or when sent-by names another host (RFC 3261 §18.2.1, RFC 3581 §4).
    public mutating func copyVias(of request: Message, source: TransportAddress?) {
        var isFirst = true
        for place in 0..<request.headerLines {
            let line = request.header(at: place)
            guard line.name == .via else { continue }
            beginHeader(.via)
            if isFirst, let source, let via = request.topVia {
                appendTopVia(via, of: request, source: source)
                append(Slice(offset: via.whole.end, length: line.value.end - via.whole.end), of: request)
            } else {
                append(line.value, of: request)
            }
            isFirst = false
            endLine()
        }
    }

    private mutating func appendTopVia(_ via: Via, of request: Message, source: TransportAddress) {
        let nameMatches = request.ip(of: via.host) == source.ip
        let needsReceived = via.received == nil && (via.hasRPort || !nameMatches)
        if let end = request.withBytes({ Self.endOfEmptyRPort($0, via.parameters) }) {
            // The empty parameter gets its value where it stands.
            let bytes = request.bytes(of: via.whole)
            output.append(bytes[..<end])
            output.append(0x3D)
            output.append(decimal: UInt64(source.port))
            output.append(bytes[end...])
        } else {
            append(via.whole, of: request)
        }
        if needsReceived {
            output.append(";received=")
            // Without brackets for IPv6 here (RFC 3261 §25.1, via-received; RFC 5118 §4.5).
            switch source.ip {
            case .v4: output.append(host: source.ip)
            case .v6: output.append(string: source.ip.text)
            }
        }
    }

    /// The place behind the parameter `rport` when it is there without a value.
    private static func endOfEmptyRPort(_ bytes: UnsafeRawBufferPointer, _ list: Slice) -> Int? {
        var scanner = Scanner(bytes, list)
        while let (name, _) = scanner.parameter() {
            guard bytes.matchesIgnoringCase(name, "rport") else { continue }
            return name.end < bytes.count && bytes[name.end] == UInt8(ascii: "=") ? nil : name.end
        }
        return nil
    }
}
