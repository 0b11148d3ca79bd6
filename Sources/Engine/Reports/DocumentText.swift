// SPDX-License-Identifier: Apache-2.0

public import Domain

/// A test's document as YAML that people read, and that a test file may hold.
public enum DocumentText {
    /// The text, with a line end.
    public static func yaml(_ node: DocumentNode) -> String {
        lines(node, 0).joined(separator: "\n") + "\n"
    }

    private static func lines(_ node: DocumentNode, _ depth: Int) -> [String] {
        let space = String(repeating: " ", count: 2 * depth)
        switch node {
        case .scalar(let text, _): return [space + scalar(text)]
        case .null: return [space + "null"]
        case .mapping(let entries, _):
            guard !entries.isEmpty else { return [space + "{}"] }
            return entries.flatMap { entry -> [String] in
                let key = space + scalar(entry.key) + ":"
                if let short = inline(entry.value) { return [key + " " + short] }
                return [key] + lines(entry.value, depth + 1)
            }
        case .sequence(let nodes, _):
            guard !nodes.isEmpty else { return [space + "[]"] }
            return nodes.flatMap { item -> [String] in
                var below = lines(item, depth + 1)
                // The dash takes the place of the first line's indentation.
                below[0] = space + "- " + below[0].dropFirst(space.count + 2)
                return below
            }
        }
    }

    /// The value in one line, where it has only one.
    private static func inline(_ node: DocumentNode) -> String? {
        switch node {
        case .scalar(let text, _): scalar(text)
        case .null: "null"
        case .mapping(let entries, _): entries.isEmpty ? "{}" : nil
        case .sequence(let nodes, _): nodes.isEmpty ? "[]" : nil
        }
    }

    /// A scalar plain where that is certain to be read as the same text, in double quotes elsewhere (YAML 1.2 §7.3).
    private static func scalar(_ text: String) -> String {
        let plain = text.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".", "/", "+", "(", ")", "%": true
            default: false
            }
        }
        let words = ["", "~", "null", "Null", "NULL", "-"]
        if plain, !words.contains(text), text.first != "-", text.first != "%" { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}":
                let code = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - code.count) + code
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
