// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension TestDefinition {
    private static let keys = [
        "name", "registrars", "groups", "duration", "pacing", "timeouts", "thresholds", "flow", "bind", "advertise",
    ]
    /// A test has at most this many groups: each is shown, paced and paired on its own.
    public static let mostGroups = 100

    /// Reads a test and checks that it can be meant: groups exist, pairs match, values are in range.
    ///
    /// Throws every mistake at once, each with its place. Registrars that are not described in the document may be known to
    /// the project; that is for the caller to check.
    public static func read(_ document: DocumentNode) throws(TestDefinitionError) -> TestDefinition {
        var reader = DocumentReader()
        let definition = read(document, &reader)
        guard let definition, reader.problems.isEmpty else { throw TestDefinitionError(problems: reader.problems) }
        return definition
    }

    private static func read(_ document: DocumentNode, _ reader: inout DocumentReader) -> TestDefinition? {
        guard let values = reader.mapping(document, "", keys: keys) else { return nil }
        let name = reader.text(values["name"], "name")
        if values["name"] == nil { reader.report(document, "", "the key 'name' is missing") }
        let duration = reader.duration(values["duration"], "duration")
        if values["duration"] == nil {
            reader.report(document, "", "the key 'duration' is missing, for example 'duration: 30s'")
        }
        let registrars = RegistrarDefinition.readAll(values["registrars"], &reader)
        let groups = readGroups(values["groups"], document, usual: GroupDefaults(values, &reader), &reader)
        let pacing = Pacing.read(values["pacing"], &reader)
        let timeouts = TimeoutChoice.read(values["timeouts"], &reader)
        let thresholds = Threshold.readAll(values["thresholds"], groups: groups.map(\.name), &reader)
        guard let name, let duration else { return nil }
        var definition = TestDefinition(
            name: name, registrars: registrars, groups: groups, duration: duration, pacing: pacing,
            thresholds: thresholds)
        definition.timeouts = timeouts
        return definition
    }
}
