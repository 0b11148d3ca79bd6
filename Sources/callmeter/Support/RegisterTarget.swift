// SPDX-License-Identifier: Apache-2.0

import Bedrock
import SIP

/// `sip:user@host[:port][;transport=…]`, taken apart.
struct RegisterTarget: Equatable {
    var user: String
    var domain: String
    var place: HostPort
    var transport: String?

    init(_ uri: String) throws(CommandFailure) {
        let text = uri.hasPrefix("sip:") || uri.hasPrefix("sips:") ? uri : "sip:" + uri
        var bytes = Array(text.utf8)
        let read = bytes.withUnsafeMutableBytes { buffer -> (String, String, UInt16?, String?)? in
            let bytes = UnsafeRawBufferPointer(buffer)
            guard let uri = SIPURI(bytes, at: Slice(offset: 0, length: bytes.count)), uri.scheme == .sip,
                let user = uri.user
            else { return nil }
            func words(_ slice: Slice) -> String { String(decoding: bytes[slice.range], as: UTF8.self) }
            let parameters = words(uri.parameters).split(separator: ";")
            let transport = parameters.first { $0.lowercased().hasPrefix("transport=") }?.dropFirst(10).lowercased()
            return (words(user), words(uri.host), uri.port, transport)
        }
        guard let (user, host, port, transport) = read, var place = HostPort(host) else {
            throw .usage("'\(uri)' is no SIP URI like sip:user@host:5060")
        }
        place.port = port
        self.user = user
        domain = host.contains(":") ? "[\(host)]" : host
        self.place = place
        self.transport = transport
    }
}

extension TransportAddress {
    /// The unspecified address of the same family: the system chooses.
    var anyOfItsFamily: TransportAddress {
        switch ip {
        case .v4: TransportAddress(ip: .v4(0), port: 0)
        case .v6: TransportAddress(ip: .v6(high: 0, low: 0), port: 0)
        }
    }
}
