// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// SIP URI, name-addr, Via and numeric address: every place lies in the input, and a URI put together from its parts is the
/// same URI.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzURI(_ data: UnsafePointer<UInt8>, _ size: Int) -> Int32 {
    guard size <= 8192 else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    let whole = Slice(offset: 0, length: size)
    checkURI(bytes, whole)
    if let address = NameAddress(bytes, at: whole) {
        require(address.displayName, within: size, "a display name")
        require(address.parameters, within: size, "parameters")
        require(address.uri, within: size, "a URI")
        require(!address.uri.isEmpty, "an empty URI")
        checkURI(bytes, address.uri)
    }
    if let via = Via(bytes, at: whole) {
        for slice in [via.host, via.branch, via.received, via.parameters, via.whole] {
            require(slice, within: size, "a Via")
        }
        require(!via.host.isEmpty, "an empty host")
    }
    if let ip = TransportAddress.IP(host: bytes) {
        require(TransportAddress.IP(ip.text) == ip, "\(ip.text) is read as another address")
    }
    return 0
}

private func checkURI(_ bytes: UnsafeRawBufferPointer, _ slice: Slice) {
    guard let uri = SIPURI(bytes, at: slice) else { return }
    let parts = [uri.user, uri.password, uri.host, uri.parameters, uri.headers]
    for part in parts { require(part, within: slice.end, "a part of a URI") }
    requireOneLine(bytes[slice.range], "a URI")
    guard uri.scheme == .sip || uri.scheme == .sips else { return }

    var text = ByteWriter()
    text.append(uri.scheme == .sips ? "sips:" : "sip:")
    if let user = uri.user {
        text.append(contentsOf: bytes[user.range])
        if let password = uri.password {
            text.append(UInt8(ascii: ":"))
            text.append(contentsOf: bytes[password.range])
        }
        text.append(UInt8(ascii: "@"))
    }
    let isReference =
        bytes[uri.host.range].contains(UInt8(ascii: ":")) || bytes[uri.host.start - 1] == UInt8(ascii: "[")
    if isReference { text.append(UInt8(ascii: "[")) }
    text.append(contentsOf: bytes[uri.host.range])
    if isReference { text.append(UInt8(ascii: "]")) }
    if let port = uri.port {
        text.append(UInt8(ascii: ":"))
        text.append(decimal: UInt64(port))
    }
    text.append(contentsOf: bytes[uri.parameters.range])
    if !uri.headers.isEmpty {
        text.append(UInt8(ascii: "?"))
        text.append(contentsOf: bytes[uri.headers.range])
    }
    text.bytes.withUnsafeBytes { written in
        guard let again = SIPURI(written, at: Slice(offset: 0, length: written.count)) else {
            fatalError("a URI put together is none")
        }
        require(again.scheme == uri.scheme && again.port == uri.port, "another scheme or port")
        for (mine, other) in zip(parts, [again.user, again.password, again.host, again.parameters, again.headers]) {
            require((mine == nil) == (other == nil), "a part is gone or new")
            guard let mine, let other else { continue }
            require(bytes[mine.range].elementsEqual(written[other.range]), "another part")
        }
    }
}
