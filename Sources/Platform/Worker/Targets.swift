// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Runtime
import WorkerLink

/// Where the groups of a test send their requests, and the addresses-of-record of its endpoints.
struct Targets: Sendable {
    /// One registrar, resolved.
    struct Target: Sendable {
        let domain: [UInt8]
        let address: TransportAddress
        let transport: String
        let expires: UInt32

        /// The unspecified address of the same family: the system chooses.
        var anyLocal: TransportAddress {
            switch address.ip {
            case .v4: TransportAddress(ip: .v4(0), port: 0)
            case .v6: TransportAddress(ip: .v6(high: 0, low: 0), port: 0)
            }
        }
    }

    /// The port of SIP over UDP and TCP (RFC 3261 §19.1.2).
    private static let usualPort: UInt16 = 5060

    private let byName: [String: Target]
    private var addresses: [[UInt8]] = []

    /// Resolves every registrar that a group uses.
    static func resolve(_ definition: TestDefinition) async throws -> Targets {
        var found: [String: Target] = [:]
        for group in definition.groups where found[group.registrar] == nil {
            guard let registrar = definition.registrars.first(where: { $0.name == group.registrar }) else {
                throw SegmentFailure(code: "bad_assignment", text: "registrar \(group.registrar) is not described")
            }
            let transport = registrar.transport == .auto ? RegistrarTransport.udp : registrar.transport
            let (host, port) = split(registrar.proxy ?? registrar.domain)
            do {
                let address = try await Resolver.resolve(host: host, port: port ?? registrar.port ?? usualPort)
                found[group.registrar] = Target(
                    domain: Array(registrar.domain.utf8), address: address, transport: transport.rawValue,
                    expires: UInt32(clamping: registrar.expires))
            } catch let error as ResolutionError {
                throw SegmentFailure(code: "target_unresolved", text: error.description)
            }
        }
        return Targets(byName: found)
    }

    /// Where this group's requests go.
    func target(of group: GroupDefinition) throws -> Target {
        guard let target = byName[group.registrar] else {
            throw SegmentFailure(code: "bad_assignment", text: "registrar \(group.registrar) is not described")
        }
        return target
    }

    /// The same, knowing the address-of-record of every endpoint of the segment.
    func with(_ assignment: SegmentAssignment) -> Targets {
        var result = self
        var place = 0
        for group in assignment.definition.groups {
            let domain = byName[group.registrar]?.domain ?? []
            for endpoint in assignment.endpoints[place..<place + group.endpoints] {
                let user = endpoint.extensionNumber ?? endpoint.username
                result.addresses.append(Array("sip:".utf8) + Self.escaped(user) + [UInt8(ascii: "@")] + domain)
            }
            place += group.endpoints
        }
        return result
    }

    /// The address-of-record of an endpoint of the segment.
    func address(of endpoint: UInt32) -> [UInt8] { addresses[Int(endpoint)] }

    /// A user part: what RFC 3261 §25.1 does not allow there is escaped.
    private static func escaped(_ user: String) -> [UInt8] {
        let allowed = Set("-_.!~*'()&=+$,;?/".utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        return user.utf8.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: [byte]
            default: allowed.contains(byte) ? [byte] : [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }

    /// `host`, `host:port`, `[v6]:port`, bare IPv6.
    private static func split(_ text: String) -> (host: String, port: UInt16?) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return (text, nil)
        }
        let host = text[..<colon]
        if host.contains(":"), !host.hasPrefix("[") { return (text, nil) }
        return (String(host), port)
    }
}
