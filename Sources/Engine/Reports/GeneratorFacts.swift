// SPDX-License-Identifier: Apache-2.0

public import Domain

/// What the load generator said of itself, as names and values for people.
public enum GeneratorFacts {
    /// The lines, in the order of their weight.
    public static func lines(_ generator: RunSummary.Generator) -> [(String, String)] {
        [
            ("RTP packets sent over 2 ms late", "\(generator.lateSends)"),
            ("RTP frames skipped", "\(generator.skippedFrames)"),
        ]
    }
}
