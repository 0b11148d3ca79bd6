// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Runtime
import WorkerLink

/// Where the groups of a test send their requests, and the addresses-of-record of its endpoints.
struct Targets: Sendable {
    /// One registrar, its servers found.
    struct Target: Sendable {
        let domain: [UInt8]
        let servers: FoundServers
        let expires: UInt32
        /// Its place in `Targets.security`.
        let security: Int
        let digest: DigestChoice
    }

    /// How the connections to the registrars are secured; each target has its place in it.
    let security: [SecurityProfile]

    private let byName: [String: Target]
    private var addresses: [[UInt8]] = []

    /// Finds the servers of every registrar that a group uses: of its outbound proxy, where it has one (the next hop, RFC 3263 §4).
    static func resolve(_ definition: TestDefinition, by locator: ServerLocator) async throws -> Targets {
        var found: [String: Target] = [:]
        var security: [SecurityProfile] = []
        for group in definition.groups where found[group.registrar] == nil {
            guard let registrar = definition.registrars.first(where: { $0.name == group.registrar }) else {
                throw SegmentFailure(code: "bad_assignment", text: "registrar \(group.registrar) is not described")
            }
            let servers: FoundServers
            do throws(ResolutionError) {
                servers = try await Self.servers(of: registrar, by: locator)
            } catch {
                throw SegmentFailure(code: SegmentFailure.targetUnresolved, text: error.description)
            }
            found[group.registrar] = Target(
                domain: Array(registrar.domain.utf8), servers: servers, expires: UInt32(clamping: registrar.expires),
                security: security.count, digest: registrar.digest)
            security.append(registrar.security)
        }
        return Targets(security: security, byName: found)
    }

    private static func servers(
        of registrar: RegistrarDefinition, by locator: ServerLocator
    ) async throws(ResolutionError) -> FoundServers {
        try await locator.locate(
            ServerRequest(
                place: registrar.proxy ?? registrar.domain, port: registrar.port,
                transport: registrar.transport.rawValue, dns: registrar.dns))
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
}
