// SPDX-License-Identifier: Apache-2.0

/// What an endpoint does in a run.
public enum EndpointRole: String, Hashable, Sendable, Codable {
    case caller, callee, registerOnly
}

/// One endpoint of a run before it has an account.
public struct PlannedEndpoint: Hashable, Sendable {
    /// Place in the run, from 0; accounts are handed out in this order (D1).
    public var index: UInt32
    /// Place of its group in the test.
    public var group: Int
    /// What it does.
    public var role: EndpointRole
    /// Its number in its group, from 1; number templates are filled with it.
    public var number: Int
    /// The endpoint it calls or is called by; nil for outside partners.
    public var partner: UInt32?
    /// The outside URI it calls.
    public var target: String?
}

/// A test spread out into endpoints.
public struct RunPlan: Hashable, Sendable {
    /// All endpoints, by index.
    public let endpoints: [PlannedEndpoint]

    /// Spreads a test out: groups in their order; who calls group B is paired with B's endpoints one by one, a group that calls
    /// itself has its callers first.
    public init(_ definition: TestDefinition) {
        var firstIndex: [String: Int] = [:]
        var next = 0
        for group in definition.groups {
            firstIndex[group.name] = next
            next += group.endpoints
        }
        var endpoints: [PlannedEndpoint] = []
        endpoints.reserveCapacity(next)
        for (place, group) in definition.groups.enumerated() {
            for offset in 0..<group.endpoints {
                endpoints.append(Self.endpoint(endpoints.count, offset, place, group, definition.groups, firstIndex))
            }
        }
        self.endpoints = endpoints
    }

    private static func endpoint(
        _ index: Int, _ offset: Int, _ place: Int, _ group: GroupDefinition, _ groups: [GroupDefinition],
        _ firstIndex: [String: Int]
    ) -> PlannedEndpoint {
        var endpoint = PlannedEndpoint(index: UInt32(index), group: place, role: .caller, number: offset + 1)
        switch group.callee {
        case .uri(let uri):
            endpoint.target = NumberTemplate.expand(uri, number: offset + 1)
        case .group(let name):
            endpoint.partner = firstIndex[name].map { UInt32($0 + offset) }
        case .intra:
            let half = group.endpoints / 2
            endpoint.role = offset < half ? .caller : .callee
            endpoint.partner = UInt32(offset < half ? index + half : index - half)
        case .receive:
            endpoint.role = .callee
            endpoint.partner = callers(of: group, groups).flatMap { caller in
                offset < caller.endpoints ? firstIndex[caller.name].map { UInt32($0 + offset) } : nil
            }
        case .none:
            endpoint.role = .registerOnly
        }
        return endpoint
    }

    private static func callers(of group: GroupDefinition, _ groups: [GroupDefinition]) -> GroupDefinition? {
        groups.first { $0.callee == .group(group.name) }
    }
}
