// SPDX-License-Identifier: Apache-2.0

public import RunMetrics

/// A run in figures, verdict and causes; its JSON is what `run --json` and the API give out. Nil is "not measured".
public struct RunSummary: Hashable, Sendable, Codable {
    /// Rises when a field changes its meaning or goes; new fields do not raise it.
    public static let currentSchemaVersion = 1

    /// Figures of a duration in milliseconds, nearest rank, exact.
    public struct Delay: Hashable, Sendable, Codable {
        public var p50: Double?
        public var p95: Double?
        public var p99: Double?
        public var max: Double?
    }

    /// How many endpoints ended how, by outcome name.
    public struct Endpoints: Hashable, Sendable, Codable {
        public var total: Int
        public var byOutcome: [String: Int]
    }

    /// Registrations; `byStatus` counts final status codes.
    public struct Registration: Hashable, Sendable, Codable {
        public var attempted: Int
        public var succeeded: Int
        public var failed: Int
        public var delayMs: Delay
        public var byStatus: [String: Int]
    }

    /// Calls, counted at the caller.
    public struct Calls: Hashable, Sendable, Codable {
        public var attempted: Int
        public var established: Int
        public var failed: Int
        public var postDialDelayMs: Delay
        public var setupTimeMs: Delay
        public var byStatus: [String: Int]
    }

    /// One quality figure over all streams.
    public struct Spread: Hashable, Sendable, Codable {
        public var avg: Double?
        public var min: Double?
        public var max: Double?
        /// The value that 5 % of the streams fall below, and 95 %.
        public var p5: Double?
        public var p95: Double?
    }

    /// Media over all streams received. MOS is conversational where a round trip was measured, else listening.
    public struct Media: Hashable, Sendable, Codable {
        public var streams: Int
        public var packetsSent: UInt64
        public var packetsReceived: UInt64
        public var packetsLost: Int64
        public var mos: Spread
        public var jitterMs: Spread
        public var lossPercent: Spread
        public var rttMs: Spread
    }

    /// How one threshold came out.
    public struct ThresholdResult: Hashable, Sendable, Codable {
        public var threshold: String
        public var value: Double?
        public var passed: Bool
    }

    /// What the load generator says of itself.
    public struct Generator: Hashable, Sendable, Codable {
        /// RTP frames sent more than 2 ms late, and skipped rather than sent in a burst.
        public var lateSends: UInt64
        public var skippedFrames: UInt64
    }

    public var schemaVersion: Int
    public var status: RunStatus
    public var verdict: RunVerdict
    /// Why the run failed as a whole, if it did.
    public var failure: String?
    public var thresholds: [ThresholdResult]
    public var endpoints: Endpoints
    public var registration: Registration
    public var calls: Calls
    public var media: Media
    public var diagnoses: [Diagnosis]
    public var generator: Generator

    /// Sums up a run that ended with `status`.
    public init(
        status: RunStatus, failure: String? = nil, results: [EndpointResult], thresholds: [Threshold],
        diagnoses: [Diagnosis]
    ) {
        let figures = RunFigures(results)
        schemaVersion = Self.currentSchemaVersion
        self.status = status
        self.failure = failure
        self.thresholds = thresholds.map {
            let value = figures.value(of: $0.metric)
            return ThresholdResult(threshold: $0.text, value: value, passed: $0.holds(for: value))
        }
        let clean = figures.succeeded == figures.endpoints
        let held = thresholds.isEmpty ? clean : self.thresholds.allSatisfy(\.passed)
        verdict = status == .completed && held ? .passed : .failed
        endpoints = Endpoints(
            total: figures.endpoints,
            byOutcome: .init(uniqueKeysWithValues: figures.outcomes.map { ($0.key.name, $0.value) }))
        registration = Registration(
            attempted: figures.registrationsAttempted, succeeded: figures.registrationsSucceeded,
            failed: figures.registrationsAttempted - figures.registrationsSucceeded,
            delayMs: Delay(figures.distribution("registration_delay")), byStatus: named(figures.registrationStatuses))
        calls = Calls(
            attempted: figures.callsAttempted, established: figures.callsEstablished,
            failed: figures.callsAttempted - figures.callsEstablished,
            postDialDelayMs: Delay(figures.distribution("post_dial_delay")),
            setupTimeMs: Delay(figures.distribution("setup_time")), byStatus: named(figures.callStatuses))
        media = Media(
            streams: results.reduce(0) { $0 + $1.calls.count { $0.media != nil } }, packetsSent: figures.packetsSent,
            packetsReceived: figures.packetsReceived, packetsLost: figures.packetsLost,
            mos: Spread(figures.distribution("mos")), jitterMs: Spread(figures.distribution("jitter")),
            lossPercent: Spread(figures.distribution("loss")), rttMs: Spread(figures.distribution("rtt")))
        self.diagnoses = diagnoses
        generator = Generator(lateSends: figures.lateSends, skippedFrames: figures.skippedFrames)
    }
}

private func named(_ statuses: [UInt16: Int]) -> [String: Int] {
    .init(uniqueKeysWithValues: statuses.map { (String($0.key), $0.value) })
}

extension RunSummary.Delay {
    init(_ values: Distribution) {
        p50 = values.quantile(0.50)
        p95 = values.quantile(0.95)
        p99 = values.quantile(0.99)
        max = values.greatest
    }
}

extension RunSummary.Spread {
    init(_ values: Distribution) {
        avg = values.average
        min = values.least
        max = values.greatest
        p5 = values.quantile(0.05)
        p95 = values.quantile(0.95)
    }
}
