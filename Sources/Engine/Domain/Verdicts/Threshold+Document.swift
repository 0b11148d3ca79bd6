// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension Threshold {
    private static let keys = ["that", "group", "over", "abort", "abortAfter"]
    /// The long form of k6.
    private static let otherKeys = ["threshold", "abortOnFail", "delayAbortEval"]

    /// Reads the conditions of a test: a list of texts and mappings, or, as k6 has them, a mapping from metric to such a list.
    static func readAll(
        _ node: DocumentNode?, groups: [String], _ reader: inout DocumentReader
    ) -> [Threshold] {
        guard let node else { return [] }
        switch node {
        case .sequence(let items, _):
            return items.enumerated().compactMap { read($1, "thresholds[\($0)]", of: nil, groups: groups, &reader) }
        case .mapping(let entries, _):
            var found: [Threshold] = []
            for (place, entry) in entries.enumerated() {
                let path = "thresholds.\(entry.key)"
                // In k6 the second one would silently replace the first.
                if entries[..<place].contains(where: { $0.key == entry.key }) {
                    reader.report(entry.position, path, "the metric '\(entry.key)' stands twice; make it one list")
                }
                guard case .sequence(let items, _) = entry.value else {
                    reader.report(entry.value, path, "a list of conditions like 'p(95)<800ms' is expected")
                    continue
                }
                found += items.enumerated().compactMap {
                    read($1, "\(path)[\($0)]", of: entry.key, groups: groups, &reader)
                }
            }
            return found
        case .scalar, .null:
            reader.report(node, "thresholds", "a list of conditions is expected")
            return []
        }
    }

    private static func read(
        _ node: DocumentNode, _ path: String, of metric: String?, groups: [String], _ reader: inout DocumentReader
    ) -> Threshold? {
        guard let text = metric == nil ? sentence(node, path, &reader) : shorthand(node, path, metric, &reader) else {
            return nil
        }
        do throws(Problem) {
            let threshold = try Threshold(text)
            if let group = threshold.group, !groups.contains(group) {
                let hint = nearest(to: group, among: groups)
                reader.report(node, path, "there is no group '\(group)'", suggestion: hint)
                return nil
            }
            return threshold
        } catch {
            reader.report(node, path, error.message)
            return nil
        }
    }

    /// The text of a condition that may be written as a mapping.
    private static func sentence(_ node: DocumentNode, _ path: String, _ reader: inout DocumentReader) -> String? {
        guard case .mapping = node else { return reader.text(node, path) }
        guard let values = reader.mapping(node, path, keys: keys) else { return nil }
        guard var text = reader.text(values["that"], path + ".that") else {
            if values["that"] == nil { reader.report(node, path, "the key 'that' is missing") }
            return nil
        }
        if let group = reader.text(values["group"], path + ".group") { text += " of \(ThresholdWords.quoted(group))" }
        if let over = reader.duration(values["over"], path + ".over") { text += " over \(Units.text(over))" }
        return text + abort(reader.flag(values["abort"], path + ".abort"), values["abortAfter"], path, &reader)
    }

    /// The text of a condition that stands under its metric: `p(95)<800ms`, `avg<1s`, `>=99%`.
    private static func shorthand(
        _ node: DocumentNode, _ path: String, _ metric: String?, _ reader: inout DocumentReader
    ) -> String? {
        guard var name = metric else { return nil }
        var text: String?
        var ending = ""
        if case .mapping = node {
            guard let values = reader.mapping(node, path, keys: otherKeys) else { return nil }
            text = reader.text(values["threshold"], path + ".threshold")
            if text == nil { reader.report(node, path, "the key 'threshold' is missing") }
            ending = abort(
                reader.flag(values["abortOnFail"], path + ".abortOnFail"), values["delayAbortEval"], path, &reader)
        } else {
            text = reader.text(node, path)
        }
        guard let text else { return nil }
        let tag = ThresholdWords.takeTag(&name)
        let figure = text.prefix { !"<>=!".contains($0) }.filter { $0 != " " }
        let rest = text.drop { !"<>=!".contains($0) }
        let group = tag.map { " of \(ThresholdWords.quoted($0))" } ?? ""
        // A count or a share is one figure: k6 writes `count<10` and `rate<0.01` for what its metric is.
        return (figure.isEmpty ? name : "\(figure)(\(name))") + rest + group + ending
    }

    private static func abort(
        _ flag: Bool?, _ delay: DocumentNode?, _ path: String, _ reader: inout DocumentReader
    ) -> String {
        let delay = reader.duration(delay, path + ".abortAfter")
        guard flag == true || (flag == nil && delay != nil) else { return "" }
        return delay.map { $0 == .zero ? " abort" : " abort after \(Units.text($0))" } ?? " abort"
    }
}
