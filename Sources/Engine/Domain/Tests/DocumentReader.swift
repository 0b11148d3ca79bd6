// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// Reads typed values out of a `DocumentNode` and collects every mistake, so that a user sees them all at once.
struct DocumentReader {
    private(set) var problems: [TestDefinitionError.Problem] = []

    mutating func report(_ node: DocumentNode, _ path: String, _ message: String, suggestion: String? = nil) {
        report(node.position, path, message, suggestion: suggestion)
    }

    mutating func report(
        _ position: DocumentNode.Position, _ path: String, _ message: String, suggestion: String? = nil
    ) {
        problems.append(.init(position: position, path: path, message: message, suggestion: suggestion))
    }

    /// The entries of a mapping whose keys are all known and stand once; nil when it is no mapping.
    mutating func mapping(_ node: DocumentNode, _ path: String, keys: [String]) -> [String: DocumentNode]? {
        guard case .mapping(let entries, _) = node else {
            report(node, path, "a mapping with the keys \(keys.joined(separator: ", ")) is expected")
            return nil
        }
        var values: [String: DocumentNode] = [:]
        for entry in entries {
            if !keys.contains(entry.key) {
                let hint = nearest(to: entry.key, among: keys)
                report(entry.position, path, "unknown key '\(entry.key)'", suggestion: hint)
            } else if values.updateValue(entry.value, forKey: entry.key) != nil {
                report(entry.position, path, "the key '\(entry.key)' stands twice")
            }
        }
        return values
    }

    mutating func text(_ node: DocumentNode?, _ path: String) -> String? {
        guard let node else { return nil }
        guard case .scalar(let value, _) = node, !value.isEmpty else {
            report(node, path, "a text is expected")
            return nil
        }
        guard value.utf8.count <= 255, value.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            report(node, path, "the text is longer than 255 bytes or holds control characters")
            return nil
        }
        return value
    }

    mutating func number(_ node: DocumentNode?, _ path: String, in range: ClosedRange<Int>) -> Int? {
        guard let node else { return nil }
        guard case .scalar(let value, _) = node, let number = Int(value), range.contains(number) else {
            report(node, path, "a whole number from \(range.lowerBound) to \(range.upperBound) is expected")
            return nil
        }
        return number
    }

    mutating func flag(_ node: DocumentNode?, _ path: String) -> Bool? {
        guard let node else { return nil }
        switch node {
        case .scalar("true", _): return true
        case .scalar("false", _): return false
        default:
            report(node, path, "true or false is expected")
            return nil
        }
    }

    mutating func duration(_ node: DocumentNode?, _ path: String) -> Interval? {
        guard let node else { return nil }
        guard case .scalar(let value, _) = node, let interval = Units.duration(value) else {
            report(node, path, "a duration like 500ms, 30s, 5m or 1h is expected")
            return nil
        }
        return interval
    }

    mutating func duration(_ node: DocumentNode?, _ path: String, in range: ClosedRange<Interval>) -> Interval? {
        guard let node, let interval = duration(node, path) else { return nil }
        guard range.contains(interval) else {
            let (shortest, longest) = (Units.text(range.lowerBound), Units.text(range.upperBound))
            report(node, path, "a duration from \(shortest) to \(longest) is expected")
            return nil
        }
        return interval
    }

    /// An address without a port, in its usual form.
    mutating func address(_ node: DocumentNode?, _ path: String) -> String? {
        guard let node, let text = text(node, path) else { return nil }
        guard let ip = TransportAddress.IP(text) else {
            report(node, path, "an IPv4 or IPv6 address like 192.0.2.10 is expected, without a port")
            return nil
        }
        return ip.text
    }

    mutating func rate(_ node: DocumentNode?, _ path: String) -> Double? {
        guard let node else { return nil }
        guard case .scalar(let value, _) = node, let rate = Units.rate(value) else {
            report(node, path, "a rate like 50/s or 30/m is expected")
            return nil
        }
        return rate
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ node: DocumentNode?, _ path: String) -> Choice?
    where Choice.RawValue == String {
        guard let node else { return nil }
        let names = Choice.allCases.map(\.rawValue)
        guard case .scalar(let value, _) = node, let choice = Choice(rawValue: value) else {
            var hint: String?
            if case .scalar(let value, _) = node { hint = nearest(to: value, among: names) }
            report(node, path, "one of \(names.joined(separator: ", ")) is expected", suggestion: hint)
            return nil
        }
        return choice
    }
}
