// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What goes with a registrar or project that is deleted, and what stays: told before, and again in the answer.
public struct Deletion: Hashable, Sendable {
    /// No answer names more tests than this.
    public static let mostTests = 100

    /// The name of what is deleted.
    public var name: String
    /// Registrars that go.
    public var registrars: Int
    /// Accounts that go, with the keys that open their passwords.
    public var accounts: Int
    /// Saved tests that go.
    public var tests: Int
    /// API keys that go, revoked ones as well.
    public var apiKeys: Int
    /// Runs of the project that stay with their results (G4); the audit log stays in any case.
    public var runsThatStay: Int
    /// Runs that are not over and stand against it.
    public var inUseBy: [RunID]
    /// Tests that stay and cannot run without what goes, by name; at most `mostTests`.
    public var affectedTests: [String] = []

    /// A deletion from its numbers.
    public init(
        name: String, registrars: Int, accounts: Int, tests: Int, apiKeys: Int, runsThatStay: Int, inUseBy: [RunID]
    ) {
        self.name = name
        self.registrars = registrars
        self.accounts = accounts
        self.tests = tests
        self.apiKeys = apiKeys
        self.runsThatStay = runsThatStay
        self.inUseBy = inUseBy
    }
}

extension Deletion: CustomStringConvertible {
    /// What goes and what stays, in words: "20 accounts go; 3 runs and their results stay".
    public var description: String {
        let counts = [(registrars, "registrar"), (accounts, "account"), (tests, "test"), (apiKeys, "API key")]
        let parts = counts.filter { $0.0 > 0 }.map { Self.words($0.0, $0.1) }
        let goes = parts.isEmpty ? "nothing else goes" : "\(parts.joined(separator: ", ")) go with it"
        var text = "\(goes); \(Self.words(runsThatStay, "run")) with all results stay"
        if !affectedTests.isEmpty { text += "; tests that need it: \(affectedTests.joined(separator: ", "))" }
        return text
    }

    private static func words(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
