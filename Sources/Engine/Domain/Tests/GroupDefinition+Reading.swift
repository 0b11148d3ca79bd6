// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension TestDefinition {
    private static let groupKeys = [
        "name", "registrar", "endpoints", "callee", "audio", "answer", "flow", "displayName", "userAgent",
        "reliable", "sessionTimer", "transfers", "headers", "bind", "advertise", "rtpPorts",
    ]

    static func readGroups(
        _ node: DocumentNode?, _ document: DocumentNode, usual: GroupDefaults, _ reader: inout DocumentReader
    ) -> [GroupDefinition] {
        guard let node else {
            reader.report(document, "", "the key 'groups' is missing")
            return []
        }
        guard case .sequence(let items, _) = node, !items.isEmpty, items.count <= mostGroups else {
            reader.report(node, "groups", "a list of 1 to \(mostGroups) groups is expected")
            return []
        }
        let groups = items.enumerated().compactMap { readGroup($1, "groups[\($0)]", usual, &reader) }
        if groups.count == items.count { checkPairs(groups, items, &reader) }
        return groups
    }

    private static func readGroup(
        _ node: DocumentNode, _ path: String, _ usual: GroupDefaults, _ reader: inout DocumentReader
    ) -> GroupDefinition? {
        guard let values = reader.mapping(node, path, keys: groupKeys) else { return nil }
        for key in ["name", "registrar", "endpoints", "callee"] where values[key] == nil {
            reader.report(node, path, "the key '\(key)' is missing")
        }
        let name = reader.text(values["name"], path + ".name")
        let registrar = reader.text(values["registrar"], path + ".registrar")
        let endpoints = reader.number(
            values["endpoints"], path + ".endpoints", in: 1...GroupDefinition.mostEndpoints)
        let callee = readCallee(values["callee"], path + ".callee", endpoints: endpoints ?? 1, &reader)
        if callee == .intra, let endpoints, endpoints % 2 != 0 {
            reader.report(
                values["endpoints"] ?? node, path + ".endpoints",
                "a group that calls itself needs an even number: half call, half answer")
        }
        // What else the group says is read in any case, so that all its mistakes are told at once.
        var group = GroupDefinition(
            name: name ?? "", registrar: registrar ?? "", endpoints: endpoints ?? 1, callee: callee ?? .receive)
        readCalls(values, path, &group, &reader)
        readNames(values, path, &group, &reader)
        group.readPlaces(values, path, usual, &reader)
        guard name != nil, registrar != nil, endpoints != nil, callee != nil else { return nil }
        return group
    }

    private static func readCalls(
        _ values: [String: DocumentNode], _ path: String, _ group: inout GroupDefinition,
        _ reader: inout DocumentReader
    ) {
        if let codecs = readCodecs(values["audio"], path + ".audio", &reader) { group.codecs = codecs }
        if let answer = values["answer"], let inner = reader.mapping(answer, path + ".answer", keys: ["after"]),
            let after = reader.duration(inner["after"], path + ".answer.after", in: .zero ... .seconds(3600))
        {
            group.answerAfter = after
        }
        if let reliable: ReliableUse = reader.choice(values["reliable"], path + ".reliable") {
            group.reliable = reliable
        }
        if let transfers: TransferUse = reader.choice(values["transfers"], path + ".transfers") {
            group.transfers = transfers
        }
        group.sessionTimer = readSessionTimer(values["sessionTimer"], path + ".sessionTimer", &reader)
    }

    private static func readNames(
        _ values: [String: DocumentNode], _ path: String, _ group: inout GroupDefinition,
        _ reader: inout DocumentReader
    ) {
        group.displayName = reader.text(values["displayName"], path + ".displayName")
        if let node = values["displayName"], let name = group.displayName {
            checkTemplate(name, node, path + ".displayName", &reader)
        }
        group.userAgent = reader.text(values["userAgent"], path + ".userAgent")
        group.headers = reader.headers(values["headers"], path + ".headers")
    }

    private static func checkTemplate(
        _ text: String, _ node: DocumentNode, _ path: String, _ reader: inout DocumentReader
    ) {
        guard let mistake = NumberTemplate.mistake(in: text) else { return }
        reader.report(
            node, path,
            "'\(mistake)' is no number template; write {n} for the endpoint's number, or {n:4} for four digits")
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

    private enum Codec: String, CaseIterable { case pcmu = "PCMU", pcma = "PCMA" }

    /// `{ codec: PCMA }` prefers one and offers the others after it; `{ codecs: [PCMA] }` is the whole list.
    private static func readCodecs(_ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader) -> [String]? {
        guard let node, let values = reader.mapping(node, path, keys: ["codec", "codecs"]) else { return nil }
        if values["codec"] != nil, values["codecs"] != nil {
            reader.report(node, path, "'codec' prefers one and 'codecs' lists all: give one of them")
        }
        if let codec: Codec = reader.choice(values["codec"], path + ".codec") {
            return [codec.rawValue] + Codec.allCases.filter { $0 != codec }.map(\.rawValue)
        }
        guard let list = values["codecs"] else { return nil }
        guard case .sequence(let items, _) = list, !items.isEmpty else {
            reader.report(list, path + ".codecs", "a list of codecs like [PCMA, PCMU] is expected")
            return nil
        }
        var codecs: [String] = []
        for (index, item) in items.enumerated() {
            guard let codec: Codec = reader.choice(item, "\(path).codecs[\(index)]") else { continue }
            if codecs.contains(codec.rawValue) {
                reader.report(item, "\(path).codecs[\(index)]", "\(codec.rawValue) stands twice")
            }
            codecs.append(codec.rawValue)
        }
        return codecs.isEmpty ? nil : codecs
    }

    private static func readCallee(
        _ node: DocumentNode?, _ path: String, endpoints: Int, _ reader: inout DocumentReader
    ) -> CalleeTarget? {
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
        if let uri = values["uri"] { return readTarget(uri, path + ".uri", endpoints, &reader).map(CalleeTarget.uri) }
        return reader.text(values["group"], path + ".group").map(CalleeTarget.group)
    }

    private static func readTarget(
        _ node: DocumentNode, _ path: String, _ endpoints: Int, _ reader: inout DocumentReader
    ) -> String? {
        guard let uri = reader.text(node, path) else { return nil }
        if NumberTemplate.mistake(in: uri) != nil {
            checkTemplate(uri, node, path, &reader)
            return nil
        }
        let plain = uri.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3C && $0 != 0x3E && $0 != 0x22 }
        guard plain, uri.hasPrefix("sip:") || uri.hasPrefix("sips:") else {
            reader.report(node, path, "a SIP URI like sip:echo@pbx.example.com is expected")
            return nil
        }
        if let number = EmergencyNumbers.firstMatch(ofTemplate: uri, endpoints: endpoints) {
            let which = uri.utf8.contains(0x7B) ? ", which endpoint \(number) of the group would do" : ""
            reader.report(node, path, "emergency numbers are never called" + which)
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
