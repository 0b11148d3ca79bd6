// SPDX-License-Identifier: Apache-2.0

/// Metrics in Prometheus' text format 0.0.4: each family with its help and type once, then its samples.
public struct PrometheusText: Sendable {
    /// What kind of number a family has.
    public enum Kind: String, Sendable {
        case counter, gauge
    }

    /// One value with its labels.
    public struct Sample: Sendable {
        /// Label names and values, in order.
        public var labels: [(name: String, value: String)]
        /// The value.
        public var value: Double

        /// A sample from its parts.
        public init(_ labels: [(name: String, value: String)] = [], _ value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    /// The text so far.
    public private(set) var text = ""

    /// Nothing yet.
    public init() {}

    /// Adds a family; one without samples is left out.
    public mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            text += name
            if !sample.labels.isEmpty {
                text +=
                    "{" + sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
            }
            text += " \(Self.number(sample.value))\n"
        }
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : "\(value)"
    }

    private static func escaped(_ value: String) -> String {
        var result = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
