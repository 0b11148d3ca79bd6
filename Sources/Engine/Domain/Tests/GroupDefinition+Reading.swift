// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension TestDefinition {
    private static let groupKeys = [
        "name", "registrar", "endpoints", "callee", "audio", "answer", "flow", "displayName", "userAgent",
        "reliable", "sessionTimer", "transfers",
    ]

    static func readGroups(_ node: DocumentNode?, _ document: DocumentNode, _ reader: inout DocumentReader)
        -> [GroupDefinition]
    {
        guard let node else {
            reader.report(document, "", "the key 'groups' is missing")
            return []
        }
        guard case .sequence(let items, _) = node, !items.isEmpty, items.count <= mostGroups else {
            reader.report(node, "groups", "a list of 1 to \(mostGroups) groups is expected")
            return []
        }
        let groups = items.enumerated().compactMap { readGroup($1, "groups[\($0)]", &reader) }
        if groups.count == items.count { checkPairs(groups, items, &reader) }
        return groups
    }

    private static func readGroup(_ node: DocumentNode, _ path: String, _ reader: inout DocumentReader)
        -> GroupDefinition?
    {
        guard let values = reader.mapping(node, path, keys: groupKeys) else { return nil }
        for key in ["name", "registrar", "endpoints", "callee"] where values[key] == nil {
            reader.report(node, path, "the key '\(key)' is missing")
        }
        guard let name = reader.text(values["name"], path + ".name"),
            let registrar = reader.text(values["registrar"], path + ".registrar"),
            let endpoints = reader.number(
                values["endpoints"], path + ".endpoints", in: 1...GroupDefinition.mostEndpoints),
            let callee = readCallee(values["callee"], path + ".callee", &reader)
        else { return nil }
        if callee == .intra, endpoints % 2 != 0 {
            reader.report(
                values["endpoints"] ?? node, path + ".endpoints",
                "a group that calls itself needs an even number: half call, half answer")
        }
        var group = GroupDefinition(name: name, registrar: registrar, endpoints: endpoints, callee: callee)
        if let codec = readCodec(values["audio"], path + ".audio", &reader) { group.codec = codec }
        if let answer = values["answer"], let inner = reader.mapping(answer, path + ".answer", keys: ["after"]),
            let after = reader.duration(inner["after"], path + ".answer.after")
        {
            group.answerAfter = after
        }
        if let flow: SocketUse = reader.choice(values["flow"], path + ".flow") { group.flow = flow }
        if let reliable: ReliableUse = reader.choice(values["reliable"], path + ".reliable") {
            group.reliable = reliable
        }
        if let transfers: TransferUse = reader.choice(values["transfers"], path + ".transfers") {
            group.transfers = transfers
        }
        group.sessionTimer = readSessionTimer(values["sessionTimer"], path + ".sessionTimer", &reader)
        group.displayName = reader.text(values["displayName"], path + ".displayName")
        group.userAgent = reader.text(values["userAgent"], path + ".userAgent")
        return group
    }

    private static func readSessionTimer(
        _ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader
    ) -> SessionTimerUse? {
        guard let node, let values = reader.mapping(node, path, keys: ["interval", "refresher"]) else { return nil }
        var timer = SessionTimerUse()
        if let interval = reader.duration(values["interval"], path + ".interval") { timer.interval = interval }
        if timer.interval < .seconds(90) || timer.interval > .seconds(86_400) {
            reader.report(values["interval"] ?? node, path + ".interval", "90 s to a day is expected (RFC 4028)")
        }
        if let refresher: SessionTimerUse.Refresher = reader.choice(values["refresher"], path + ".refresher") {
            timer.refresher = refresher
        }
        return timer
    }

    private static func readCodec(_ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader) -> String? {
        guard let node, let values = reader.mapping(node, path, keys: ["codec"]) else { return nil }
        enum Codec: String, CaseIterable { case pcmu = "PCMU", pcma = "PCMA" }
        let codec: Codec? = reader.choice(values["codec"], path + ".codec")
        return codec?.rawValue
    }

    private static func readCallee(_ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader)
        -> CalleeTarget?
    {
        guard let node else { return nil }
        if case .scalar(let word, _) = node {
            switch word {
            case "intra": return .intra
            case "receive": return .receive
            case "none": return CalleeTarget.none
            default:
                let hint = nearest(to: word, among: ["intra", "receive", "none"])
                reader.report(
                    node, path, "intra, receive, none, { group: NAME } or { uri: \"sip:…\" } is expected",
                    suggestion: hint)
                return nil
            }
        }
        guard let values = reader.mapping(node, path, keys: ["uri", "group"]) else { return nil }
        guard values.count == 1 else {
            reader.report(node, path, "exactly one of uri and group is expected")
            return nil
        }
        if let uri = values["uri"] { return readTarget(uri, path + ".uri", &reader).map(CalleeTarget.uri) }
        return reader.text(values["group"], path + ".group").map(CalleeTarget.group)
    }

    private static func readTarget(_ node: DocumentNode, _ path: String, _ reader: inout DocumentReader) -> String? {
        guard let uri = reader.text(node, path) else { return nil }
        let plain = uri.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3C && $0 != 0x3E && $0 != 0x22 }
        guard plain, uri.hasPrefix("sip:") || uri.hasPrefix("sips:") else {
            reader.report(node, path, "a SIP URI like sip:echo@pbx.example.com is expected")
            return nil
        }
        if EmergencyNumbers.contains(uriUser: uri) {
            reader.report(node, path, "emergency numbers are never called")
            return nil
        }
        return uri
    }

    /// A group that is called waits for calls, is not the caller itself, and has an endpoint for each caller.
    private static func checkPairs(_ groups: [GroupDefinition], _ nodes: [DocumentNode], _ reader: inout DocumentReader)
    {
        var called: [String: String] = [:]
        for (index, group) in groups.enumerated() {
            let path = "groups[\(index)]"
            if groups[..<index].contains(where: { $0.name == group.name }) {
                reader.report(nodes[index], path + ".name", "the group '\(group.name)' stands twice")
            }
            guard case .group(let name) = group.callee else { continue }
            let place = nodes[index]["callee"] ?? nodes[index]
            guard let callee = groups.first(where: { $0.name == name }) else {
                let hint = nearest(to: name, among: groups.map(\.name))
                reader.report(place, path + ".callee", "there is no group '\(name)'", suggestion: hint)
                continue
            }
            if callee.callee != .receive {
                reader.report(
                    place, path + ".callee", "the group '\(name)' does not wait for calls; give it 'callee: receive'")
            } else if let other = called.updateValue(group.name, forKey: name) {
                reader.report(place, path + ".callee", "the group '\(name)' is called by '\(other)' already")
            } else if callee.endpoints < group.endpoints {
                reader.report(
                    place, path + ".callee",
                    "\(group.endpoints) callers need as many callees, but '\(name)' has \(callee.endpoints)")
            }
        }
    }
}
