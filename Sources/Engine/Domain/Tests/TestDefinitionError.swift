// SPDX-License-Identifier: Apache-2.0

/// All that is wrong with a test, each with its place and what to do.
public struct TestDefinitionError: Error, Hashable, Sendable {
    /// One mistake.
    public struct Problem: Hashable, Sendable {
        /// Where in the source.
        public let position: DocumentNode.Position
        /// Where in the tree, for example `groups[0].callee`.
        public let path: String
        /// What is wrong, and what is expected.
        public let message: String
        /// The nearest valid key or value, when one is near.
        public let suggestion: String?

        /// The mistake as one line, with line and column when they are known.
        public var text: String {
            let place = position.line > 0 ? "line \(position.line), column \(position.column): " : ""
            let at = path.isEmpty ? "" : "\(path): "
            let hint = suggestion.map { "; did you mean '\($0)'?" } ?? ""
            return place + at + message + hint
        }
    }

    /// Every mistake, in reading order.
    public let problems: [Problem]
}
