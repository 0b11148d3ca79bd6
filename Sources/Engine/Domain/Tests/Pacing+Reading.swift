// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension Pacing {
    /// Stages of a test; each is drawn and explained on its own.
    private static let mostStages = 1_000
    private static let mostRepeats = 1_000_000

    static func read(_ node: DocumentNode?, _ reader: inout DocumentReader) -> Pacing {
        var pacing = Pacing()
        let keys = ["registrations", "calls", "repeat", "talk", "idle"]
        guard let node, let values = reader.mapping(node, "pacing", keys: keys) else { return pacing }
        if let found = readRegistrations(values["registrations"], "pacing.registrations", &reader) {
            pacing.registrations = found
        }
        if let found = readCalls(values["calls"], "pacing.calls", &reader) { pacing.calls = found }
        pacing.repeats = reader.number(values["repeat"], "pacing.repeat", in: 1...mostRepeats)
        pacing.talk = reader.duration(values["talk"], "pacing.talk")
        pacing.idle = reader.duration(values["idle"], "pacing.idle")
        return pacing
    }

    private static func readRegistrations(
        _ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader
    ) -> Registrations? {
        guard case .mapping? = node, let node else { return reader.rate(node, path).map(Registrations.rate) }
        guard let values = reader.mapping(node, path, keys: ["over"]) else { return nil }
        if values["over"] == nil { reader.report(node, path, "a rate like 50/s or { over: 60s } is expected") }
        let longest = Interval.seconds(86_400)
        return reader.duration(values["over"], path + ".over", in: .milliseconds(1)...longest).map(Registrations.over)
    }

    private static func readCalls(_ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader) -> Calls? {
        guard case .mapping? = node, let node else { return reader.rate(node, path).map(Calls.rate) }
        guard let values = reader.mapping(node, path, keys: ["stages"]) else { return nil }
        guard case .sequence(let items, _)? = values["stages"], !items.isEmpty, items.count <= mostStages else {
            reader.report(
                values["stages"] ?? node, path + ".stages",
                "a list of 1 to \(mostStages) stages like { rate: 5/s, for: 30s } or { ramp: 5/s to 50/s, for: 60s } is "
                    + "expected")
            return nil
        }
        let stages = items.enumerated().compactMap { readStage($1, "\(path).stages[\($0)]", &reader) }
        guard stages.count == items.count else { return nil }
        guard stages.contains(where: { $0.calls > 0 }) else {
            reader.report(
                values["stages"] ?? node, path + ".stages", "no stage has a rate above 0, so nobody would call")
            return nil
        }
        return .stages(stages)
    }

    private static func readStage(_ node: DocumentNode, _ path: String, _ reader: inout DocumentReader) -> CallStage? {
        guard let values = reader.mapping(node, path, keys: ["rate", "ramp", "for"]) else { return nil }
        if values["for"] == nil { reader.report(node, path, "the key 'for' is missing, for example 'for: 30s'") }
        let length = reader.duration(values["for"], path + ".for", in: .milliseconds(1) ... .seconds(31_536_000))
        if (values["rate"] == nil) == (values["ramp"] == nil) {
            reader.report(node, path, "exactly one of rate and ramp is expected")
            return nil
        }
        guard let rates = readRates(values["rate"] ?? values["ramp"], isRamp: values["ramp"] != nil, path, &reader),
            let length
        else { return nil }
        return CallStage(from: rates.from, to: rates.to, length: length)
    }

    private static func readRates(
        _ node: DocumentNode?, isRamp: Bool, _ path: String, _ reader: inout DocumentReader
    ) -> (from: Double, to: Double)? {
        guard let node else { return nil }
        if case .scalar(let text, _) = node {
            if !isRamp, let rate = Units.rate(text, isZeroAllowed: true) { return (rate, rate) }
            let words = text.split(separator: " ")
            if isRamp, words.count == 3, words[1] == "to",
                let from = Units.rate(String(words[0]), isZeroAllowed: true),
                let to = Units.rate(String(words[2]), isZeroAllowed: true)
            {
                return (from, to)
            }
        }
        let path = path + (isRamp ? ".ramp" : ".rate")
        reader.report(
            node, path,
            isRamp ? "two rates like '5/s to 50/s' are expected" : "a rate like 50/s, 30/m or 0/s is expected")
        return nil
    }

    /// The pacing as `read` takes it.
    var document: DocumentNode {
        var entries: [(String, DocumentNode)] = []
        switch registrations {
        case .rate(let rate): entries.append(("registrations", .text(Units.text(rate: rate))))
        case .over(let time): entries.append(("registrations", .object([("over", .text(Units.text(time)))])))
        }
        switch calls {
        case .rate(let rate): entries.append(("calls", .text(Units.text(rate: rate))))
        case .stages(let stages): entries.append(("calls", .object([("stages", .list(stages.map(\.document)))])))
        }
        if let repeats { entries.append(("repeat", .text(String(repeats)))) }
        if let talk { entries.append(("talk", .text(Units.text(talk)))) }
        if let idle { entries.append(("idle", .text(Units.text(idle)))) }
        return .object(entries)
    }
}

extension CallStage {
    var document: DocumentNode {
        let rates: (String, DocumentNode) =
            from == to
            ? ("rate", .text(Units.text(rate: from)))
            : ("ramp", .text("\(Units.text(rate: from)) to \(Units.text(rate: to))"))
        return .object([rates, ("for", .text(Units.text(length)))])
    }
}
