// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import Domain
import Runtime

/// What a worker of this machine would stumble over, looked at before a run: its targets' names, addresses, ports, descriptors.
/// Nothing is sent but questions to DNS servers.
public enum Preflight {
    /// The problems of a test whose registrars are described in it, in words; none when it can be played.
    public static func problems(of definition: TestDefinition) async -> [String] {
        var problems = await unresolved(definition)
        for group in definition.groups {
            if let problem = placeProblem(of: group) { problems.append("group \(group.name): \(problem)") }
        }
        do throws(DescriptorShortage) {
            try DescriptorBudget.require(descriptors(for: definition))
        } catch {
            problems.append(error.description)
        }
        return problems
    }

    private static func unresolved(_ definition: TestDefinition) async -> [String] {
        let locator = ServerLocator()
        var problems: [String] = []
        for registrar in definition.registrars {
            do {
                _ = try await locator.locate(
                    ServerRequest(
                        place: registrar.proxy ?? registrar.domain, port: registrar.port,
                        transport: registrar.transport.rawValue, dns: registrar.dns))
            } catch {
                problems.append("registrar \(registrar.name): \(error)")
            }
        }
        return problems
    }

    /// Whether the group's address is this machine's, and its ports are free.
    private static func placeProblem(of group: GroupDefinition) -> String? {
        guard group.bind != nil || group.rtpPorts != nil else { return nil }
        return PortProbe.problem(
            ip: group.bind.flatMap { TransportAddress.IP($0) } ?? .v4(0), ports: group.rtpPorts,
            pairs: group.callee == .none ? 1 : group.endpoints)
    }

    /// As the engine counts them: a socket for each endpoint that has its own, two for media where there may be calls.
    private static func descriptors(for definition: TestDefinition) -> Int {
        definition.groups.reduce(0) { sum, group in
            let sockets = group.flow == .shared ? 1 : group.endpoints
            return sum + sockets + (group.callee == .none ? 0 : 2 * group.endpoints)
        }
    }
}
