// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension TestDefinition {
    private static let keys = ["name", "registrars", "groups", "duration", "pacing", "thresholds"]
    /// A test has at most this many groups: each is shown, paced and paired on its own.
    public static let mostGroups = 100

    /// Reads a test and checks that it can be meant: groups exist, pairs match, values are in range.
    ///
    /// Throws every mistake at once, each with its place. Registrars that are not described in the document may be known to
    /// the project; that is for the caller to check.
    public static func read(_ document: DocumentNode) throws(TestDefinitionError) -> TestDefinition {
        var reader = DocumentReader()
        let definition = read(document, &reader)
        guard let definition, reader.problems.isEmpty else { throw TestDefinitionError(problems: reader.problems) }
        return definition
    }

    private static func read(_ document: DocumentNode, _ reader: inout DocumentReader) -> TestDefinition? {
        guard let values = reader.mapping(document, "", keys: keys) else { return nil }
        let name = reader.text(values["name"], "name")
        if values["name"] == nil { reader.report(document, "", "the key 'name' is missing") }
        let duration = reader.duration(values["duration"], "duration")
        if values["duration"] == nil {
            reader.report(document, "", "the key 'duration' is missing, for example 'duration: 30s'")
        }
        let registrars = readRegistrars(values["registrars"], &reader)
        let groups = readGroups(values["groups"], document, &reader)
        let pacing = readPacing(values["pacing"], &reader)
        let thresholds = readThresholds(values["thresholds"], &reader)
        guard let name, let duration else { return nil }
        return TestDefinition(
            name: name, registrars: registrars, groups: groups, duration: duration, pacing: pacing,
            thresholds: thresholds)
    }

    private static func readRegistrars(_ node: DocumentNode?, _ reader: inout DocumentReader) -> [RegistrarDefinition] {
        guard let node else { return [] }
        guard case .mapping(let entries, _) = node else {
            reader.report(node, "registrars", "a mapping from name to registrar is expected")
            return []
        }
        var seen: Set<String> = []
        return entries.compactMap { entry in
            let path = "registrars.\(entry.key)"
            if !seen.insert(entry.key).inserted { reader.report(entry.position, path, "the registrar stands twice") }
            let keys = ["domain", "port", "transport", "proxy", "dns", "expires"]
            guard let values = reader.mapping(entry.value, path, keys: keys) else { return nil }
            guard let domain = reader.text(values["domain"], path + ".domain") else {
                if values["domain"] == nil { reader.report(entry.position, path, "the key 'domain' is missing") }
                return nil
            }
            guard domain.utf8.allSatisfy(isHostByte) else {
                reader.report(values["domain"] ?? node, path + ".domain", "'\(domain)' is no host name or address")
                return nil
            }
            return RegistrarDefinition(
                name: entry.key, domain: domain,
                port: reader.number(values["port"], path + ".port", in: 1...65_535).map(UInt16.init),
                transport: reader.choice(values["transport"], path + ".transport") ?? .udp,
                proxy: reader.text(values["proxy"], path + ".proxy"),
                dns: readDNS(values["dns"], path + ".dns", &reader),
                expires: reader.number(
                    values["expires"], path + ".expires", in: 1...RegistrarDefinition.longestExpires) ?? 300)
        }
    }

    private static func readDNS(_ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader) -> String? {
        guard let node, let text = reader.text(node, path) else { return nil }
        guard let address = TransportAddress(text, usualPort: 53), address.port > 0 else {
            reader.report(node, path, "the address of a DNS server is expected, like 192.0.2.53 or 127.0.0.1:5353")
            return nil
        }
        return text
    }

    /// Letters, digits, `.`, `-`, `_`, and `:`, `[`, `]` of IPv6: what may stand in a URI's host without quoting.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F: true
        default: false
        }
    }

    private static func readPacing(_ node: DocumentNode?, _ reader: inout DocumentReader) -> Pacing {
        var pacing = Pacing()
        guard let node, let values = reader.mapping(node, "pacing", keys: ["registrations", "calls", "repeat"]) else {
            return pacing
        }
        if let rate = reader.rate(values["registrations"], "pacing.registrations") {
            pacing.registrationsPerSecond = rate
        }
        if let rate = reader.rate(values["calls"], "pacing.calls") { pacing.callsPerSecond = rate }
        if let count = reader.number(values["repeat"], "pacing.repeat", in: 1...1_000_000) { pacing.repeats = count }
        return pacing
    }

    private static func readThresholds(_ node: DocumentNode?, _ reader: inout DocumentReader) -> [Threshold] {
        guard let node else { return [] }
        guard case .sequence(let items, _) = node else {
            reader.report(node, "thresholds", "a list of conditions is expected")
            return []
        }
        return items.enumerated().compactMap { (index, item) -> Threshold? in
            guard let text = reader.text(item, "thresholds[\(index)]") else { return nil }
            do throws(Threshold.Problem) {
                return try Threshold(text)
            } catch {
                reader.report(item, "thresholds[\(index)]", error.message)
                return nil
            }
        }
    }
}
