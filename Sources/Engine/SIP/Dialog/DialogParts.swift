// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// The bytes of a dialog, one after the other in one array.
struct DialogParts: Sendable {
    private var storage: [UInt8]
    private let callIDEnd: Int32
    private let localEnd: Int32
    private let remoteEnd: Int32
    private let localTagEnd: Int32
    private let remoteTagEnd: Int32
    private var requestURIEnd: Int32
    /// Whether the first route cannot route loosely, so that requests go to it by name (RFC 3261 §12.2.1.1).
    private let isStrict: Bool

    init(
        callID: ArraySlice<UInt8>, local: [UInt8], remote: [UInt8], localTag: ArraySlice<UInt8>,
        remoteTag: ArraySlice<UInt8>, routes: [[UInt8]], target: [UInt8]
    ) {
        storage = Array(callID)
        callIDEnd = Int32(storage.count)
        storage += local
        localEnd = Int32(storage.count)
        storage += remote
        remoteEnd = Int32(storage.count)
        storage += localTag
        localTagEnd = Int32(storage.count)
        storage += remoteTag
        remoteTagEnd = Int32(storage.count)
        let first = routes.first.flatMap { RouteURI(Array($0.prefix(RouteURI.longest))) }
        isStrict = first.map { !$0.isLoose } ?? false
        if let first, isStrict {
            storage += first.uri
            requestURIEnd = Int32(storage.count)
            for route in routes.dropFirst() {
                storage += route
                storage += [0x2C, 0x20]
            }
            storage += [0x3C] + target + [0x3E]
        } else {
            storage += target
            requestURIEnd = Int32(storage.count)
            for (place, route) in routes.enumerated() {
                if place > 0 { storage += [0x2C, 0x20] }
                storage += route
            }
        }
    }

    var callID: ArraySlice<UInt8> { storage[..<Int(callIDEnd)] }
    var local: ArraySlice<UInt8> { storage[Int(callIDEnd)..<Int(localEnd)] }
    var remote: ArraySlice<UInt8> { storage[Int(localEnd)..<Int(remoteEnd)] }
    var localTag: ArraySlice<UInt8> { storage[Int(remoteEnd)..<Int(localTagEnd)] }
    var remoteTag: ArraySlice<UInt8> { storage[Int(localTagEnd)..<Int(remoteTagEnd)] }
    var requestURI: ArraySlice<UInt8> { storage[Int(remoteTagEnd)..<Int(requestURIEnd)] }
    /// The value of the Route header; empty when there is none.
    var route: ArraySlice<UInt8> { storage[Int(requestURIEnd)...] }

    /// Puts another remote target in. Behind a strict router the target is the last route.
    mutating func replace(target: [UInt8]) {
        if isStrict {
            guard let open = storage.lastIndex(of: 0x3C) else { return }
            storage.replaceSubrange(open..., with: [0x3C] + target + [0x3E])
        } else {
            storage.replaceSubrange(Int(remoteTagEnd)..<Int(requestURIEnd), with: target)
            requestURIEnd = remoteTagEnd + Int32(target.count)
        }
    }

    /// The numeric address that requests go to: the first route's, or the target's where there is no route.
    var nextHop: TransportAddress? {
        let place = route.isEmpty || isStrict ? requestURI : route
        return RouteURI(Array(place.prefix(RouteURI.longest)))?.address
    }
}

/// The first URI of a Route value, or a bare URI.
private struct RouteURI {
    /// Bytes looked at: more than any real URI, and short enough for a `Slice` however many routes follow.
    static let longest = 4096

    let uri: ArraySlice<UInt8>
    let isLoose: Bool
    let address: TransportAddress?

    init?(_ value: [UInt8]) {
        var found: (ArraySlice<UInt8>, Bool, TransportAddress?)?
        value.withUnsafeBytes { bytes in
            var scanner = Scanner(bytes, Slice(0, bytes.count))
            guard let element = scanner.listElement(), let name = NameAddress(bytes, at: element),
                let uri = SIPURI(bytes, at: name.uri)
            else { return }
            let ip = TransportAddress.IP(host: UnsafeRawBufferPointer(rebasing: bytes[uri.host.range]))
            let address = ip.map {
                TransportAddress(ip: $0, port: uri.port ?? (uri.scheme == .sips ? 5061 : 5060))
            }
            found = (value[name.uri.range], bytes.parameter("lr", in: uri.parameters) != nil, address)
        }
        guard let found else { return nil }
        (uri, isLoose, address) = found
    }
}
