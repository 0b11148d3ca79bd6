// SPDX-License-Identifier: Apache-2.0

extension SummaryMetric {
    /// One line of the catalogue of metrics; docs/metrics.md explains each, with its formula and source.
    public struct Entry: Hashable, Sendable {
        /// What kind of figure it is.
        public enum Kind: Hashable, Sendable {
            /// A number of things.
            case count
            /// A part of a hundred, or another single figure.
            case share
            /// Many values, of which a figure is taken.
            case spread
        }

        /// The name in thresholds.
        public let name: String
        /// What it is counted in.
        public let unit: Unit
        /// What kind of figure it is.
        public let kind: Kind
        /// Whether it is known second by second, so that it can be judged over a sliding window or while the run goes.
        public let isWindowed: Bool
        /// Whether it is about the load generator as a whole and so has no groups.
        public let isGenerators: Bool
    }

    /// All metrics a threshold may name.
    public static let catalogue: [Entry] = counts + shares + spreads

    private static let counts: [Entry] =
        [
            "registration.attempted", "registration.succeeded", "registration.failed", "call.attempted",
            "call.established", "call.failed",
        ].map { entry($0, .count, .count, isWindowed: true) }
        + [
            "registration.not_attempted", "call.not_attempted", "endpoint.total", "endpoint.succeeded",
            "endpoint.failed", "endpoint.not_attempted",
            "media.streams", "media.packets_sent", "media.packets_received", "media.packets_lost",
        ].map { entry($0, .count, .count) }
        + ["generator.socket_drops", "generator.late_sends", "generator.skipped_frames"].map {
            entry($0, .count, .count, isGenerators: true)
        }

    private static let shares: [Entry] =
        [
            "registration.success_rate", "registration.failure_rate", "call.success_rate", "call.failure_rate",
        ].map { entry($0, .percent, .share, isWindowed: true) }
        + ["endpoint.success_rate", "endpoint.failure_rate", "ira", "ser", "seer", "isa", "scr"].map {
            entry($0, .percent, .share)
        }
        + ["generator.cpu", "generator.steal"].map { entry($0, .percent, .share, isGenerators: true) }

    private static let spreads: [Entry] =
        [
            "registration_delay", "registration_delay_from_intended", "post_dial_delay",
            "post_dial_delay_from_intended", "setup_time", "setup_time_from_intended", "lateness",
        ].map { entry($0, .milliseconds, .spread, isWindowed: true) }
        + ["rrd", "srd", "srd_failed", "sdd", "sdt", "jitter", "rtt"].map { entry($0, .milliseconds, .spread) }
        + [entry("mos", .score, .spread), entry("loss", .percent, .spread)]
        + ["rtp_lateness", "wake_lateness"].map { entry($0, .milliseconds, .spread, isGenerators: true) }

    private static func entry(
        _ name: String, _ unit: Unit, _ kind: Entry.Kind, isWindowed: Bool = false, isGenerators: Bool = false
    ) -> Entry {
        Entry(name: name, unit: unit, kind: kind, isWindowed: isWindowed, isGenerators: isGenerators)
    }
}
