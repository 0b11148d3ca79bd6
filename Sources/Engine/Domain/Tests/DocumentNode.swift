// SPDX-License-Identifier: Apache-2.0

/// A test as a tree of plain values, whichever way it came: YAML file, JSON body, stored record.
///
/// One reader works on this tree, so a mistake is explained in the same words everywhere.
public indirect enum DocumentNode: Hashable, Sendable {
    /// A place in the source text, both numbers from 1; 0 when the source has no lines (JSON, records).
    public struct Position: Hashable, Sendable {
        /// The line, from 1.
        public var line: Int
        /// The column, from 1.
        public var column: Int

        /// A place from its numbers.
        public init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }

        /// No place known.
        public static var unknown: Position { Position(line: 0, column: 0) }
    }

    /// A key of a mapping with its value, in source order.
    public struct Entry: Hashable, Sendable {
        /// The key.
        public var key: String
        /// Where the key stands.
        public var position: Position
        /// Its value.
        public var value: DocumentNode

        /// An entry from its parts.
        public init(key: String, position: Position = .unknown, value: DocumentNode) {
            self.key = key
            self.position = position
            self.value = value
        }
    }

    case mapping([Entry], Position)
    case sequence([DocumentNode], Position)
    /// Any scalar as its source text; the reader gives it its type.
    case scalar(String, Position)
    case null(Position)

    /// Where the node begins.
    public var position: Position {
        switch self {
        case .mapping(_, let position), .sequence(_, let position), .scalar(_, let position), .null(let position):
            position
        }
    }

    /// A mapping without positions.
    public static func object(_ entries: [(String, DocumentNode)]) -> DocumentNode {
        .mapping(entries.map { Entry(key: $0.0, value: $0.1) }, .unknown)
    }

    /// A sequence without positions.
    public static func list(_ nodes: [DocumentNode]) -> DocumentNode { .sequence(nodes, .unknown) }

    /// A scalar without a position.
    public static func text(_ value: String) -> DocumentNode { .scalar(value, .unknown) }

    /// The value of a key; nil when this is no mapping or has no such key.
    public subscript(key: String) -> DocumentNode? {
        guard case .mapping(let entries, _) = self else { return nil }
        return entries.first { $0.key == key }?.value
    }
}

extension DocumentNode: Codable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Reads any JSON value; keys come in alphabetical order.
    public init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: Key.self) {
            self = .mapping(
                try container.allKeys.sorted { $0.stringValue < $1.stringValue }.map {
                    Entry(key: $0.stringValue, value: try container.decode(DocumentNode.self, forKey: $0))
                }, .unknown)
        } else if var container = try? decoder.unkeyedContainer() {
            var nodes: [DocumentNode] = []
            while !container.isAtEnd { nodes.append(try container.decode(DocumentNode.self)) }
            self = .sequence(nodes, .unknown)
        } else {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null(.unknown)
            } else if let value = try? container.decode(Bool.self) {
                self = .text(value ? "true" : "false")
            } else if let value = try? container.decode(Int.self) {
                self = .text(String(value))
            } else if let value = try? container.decode(Double.self) {
                self = .text(String(value))
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    /// Writes the node as JSON; whole numbers become numbers.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .mapping(let entries, _):
            var container = encoder.container(keyedBy: Key.self)
            for entry in entries { try container.encode(entry.value, forKey: Key(stringValue: entry.key)) }
        case .sequence(let nodes, _):
            var container = encoder.unkeyedContainer()
            for node in nodes { try container.encode(node) }
        case .scalar(let value, _):
            var container = encoder.singleValueContainer()
            if let number = Int(value), String(number) == value {
                try container.encode(number)
            } else {
                try container.encode(value)
            }
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        }
    }
}
