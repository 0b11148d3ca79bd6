// SPDX-License-Identifier: Apache-2.0

import Domain
import Yams

/// Turns YAML text into the tree that Domain reads, with the line and column of every node.
enum YAMLDocument {
    /// A test file is written by hand; more than this is a mistake, and a bound on memory.
    static let largestFile = 1_048_576
    /// Nodes after aliases are resolved, so that a small file cannot unfold into a huge tree.
    static let mostNodes = 100_000
    /// Nesting, so that reading cannot run out of stack.
    static let deepest = 64

    /// A text that is no YAML.
    struct Failure: Error, Equatable {
        var line: Int
        var column: Int
        var message: String
    }

    /// Reads one document.
    static func read(_ text: String) throws(Failure) -> DocumentNode {
        guard text.utf8.count <= largestFile else {
            throw Failure(line: 0, column: 0, message: "the file is longer than \(largestFile) bytes")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw failure(of: error)
        } catch {
            throw Failure(line: 0, column: 0, message: "the text cannot be read as YAML")
        }
        guard let root else { throw Failure(line: 1, column: 1, message: "the file is empty") }
        var budget = mostNodes
        return try convert(root, depth: 0, &budget)
    }

    private static func convert(_ node: Node, depth: Int, _ budget: inout Int) throws(Failure) -> DocumentNode {
        let place = position(of: node)
        budget -= 1
        guard budget >= 0 else {
            throw Failure(line: place.line, column: place.column, message: "the document has over \(mostNodes) nodes")
        }
        guard depth < deepest else {
            throw Failure(
                line: place.line, column: place.column, message: "the document is nested deeper than \(deepest) levels")
        }
        switch node {
        case .scalar(let scalar):
            let isNull = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            return isNull ? .null(place) : .scalar(scalar.string, place)
        case .sequence(let sequence):
            var items: [DocumentNode] = []
            for item in sequence { items.append(try convert(item, depth: depth + 1, &budget)) }
            return .sequence(items, place)
        case .mapping(let mapping):
            var entries: [DocumentNode.Entry] = []
            for (key, value) in mapping {
                let keyPlace = position(of: key)
                guard case .scalar(let name) = key else {
                    throw Failure(line: keyPlace.line, column: keyPlace.column, message: "a key must be a word")
                }
                entries.append(
                    DocumentNode.Entry(
                        key: name.string, position: keyPlace, value: try convert(value, depth: depth + 1, &budget)))
            }
            return .mapping(entries, place)
        case .alias:
            throw Failure(line: place.line, column: place.column, message: "the alias stands for nothing")
        }
    }

    private static func position(of node: Node) -> DocumentNode.Position {
        guard let mark = node.mark else { return .unknown }
        return DocumentNode.Position(line: mark.line, column: mark.column)
    }

    private static func failure(of error: YamlError) -> Failure {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            Failure(line: mark.line, column: mark.column, message: "this is no YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            Failure(
                line: context.mark.line, column: context.mark.column,
                message: "the key '\(duplicates.sorted().joined(separator: "', '"))' stands twice")
        case .reader(let problem, _, _, _):
            Failure(line: 0, column: 0, message: "the file is no text: \(problem)")
        default:
            Failure(line: 0, column: 0, message: "the text cannot be read as YAML")
        }
    }
}
