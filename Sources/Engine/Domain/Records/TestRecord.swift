// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A saved test. Its definition is opaque here: the store keeps it, who wrote it reads it.
public struct TestRecord: Hashable, Sendable {
    /// Its identifier.
    public var id: TestID
    /// The project it belongs to.
    public var project: ProjectID
    /// Its name, unique within the project.
    public var name: String
    /// The definition as its owner encoded it.
    public var definition: [UInt8]
    /// When it was made.
    public var createdAt: UnixTime
    /// When it was last changed.
    public var changedAt: UnixTime

    /// A test from its parts.
    public init(
        id: TestID, project: ProjectID, name: String, definition: [UInt8], createdAt: UnixTime, changedAt: UnixTime
    ) {
        self.id = id
        self.project = project
        self.name = name
        self.definition = definition
        self.createdAt = createdAt
        self.changedAt = changedAt
    }
}
