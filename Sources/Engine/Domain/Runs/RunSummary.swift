// SPDX-License-Identifier: Apache-2.0

public import RunMetrics

/// A run in figures, verdict and causes; its JSON is what `run --json` and the API give out. Nil is "not measured".
public struct RunSummary: Hashable, Sendable, Codable {
    /// Rises when a field changes its meaning or goes; new fields do not raise it.
    public static let currentSchemaVersion = 1

    /// Figures of a duration in milliseconds, nearest rank, exact.
    public struct Delay: Hashable, Sendable, Codable {
        /// Median.
        public var p50: Double?
        /// The value that 95 % do not exceed.
        public var p95: Double?
        /// The value that 99 % do not exceed.
        public var p99: Double?
        /// The greatest value.
        public var max: Double?
    }

    /// How many endpoints ended how, by outcome name.
    public struct Endpoints: Hashable, Sendable, Codable {
        /// All endpoints of the run.
        public var total: Int
        /// How many, by outcome name.
        public var byOutcome: [String: Int]
    }

    /// Registrations; `byStatus` counts final status codes.
    public struct Registration: Hashable, Sendable, Codable {
        /// How many were begun.
        public var attempted: Int
        /// How many got a 200.
        public var succeeded: Int
        /// How many were begun and did not succeed.
        public var failed: Int
        /// How many were planned and could not be begun in time (open model).
        public var notAttempted: Int
        /// First REGISTER sent to 200 received.
        public var delayMs: Delay
        /// How many, by final status code.
        public var byStatus: [String: Int]
    }

    /// Calls, counted at the caller.
    public struct Calls: Hashable, Sendable, Codable {
        /// How many were begun.
        public var attempted: Int
        /// How many were answered and acknowledged.
        public var established: Int
        /// How many were begun and did not succeed.
        public var failed: Int
        /// How many were due and could not be begun, because their caller was still busy (open model).
        public var notAttempted: Int
        /// First INVITE to the first 180, or 183 with SDP.
        public var postDialDelayMs: Delay
        /// First INVITE to its 200.
        public var setupTimeMs: Delay
        /// How many, by final status code.
        public var byStatus: [String: Int]
    }

    /// One quality figure over all streams.
    public struct Spread: Hashable, Sendable, Codable {
        /// Mean.
        public var avg: Double?
        /// The least value.
        public var min: Double?
        /// The greatest value.
        public var max: Double?
        /// The value that 5 % of the streams fall below, and 95 %.
        public var p5: Double?
        /// The value that 95 % do not exceed.
        public var p95: Double?
    }

    /// Media over all streams received. MOS is conversational where a round trip was measured, else listening.
    public struct Media: Hashable, Sendable, Codable {
        /// How many streams were opened, one at each end of a call.
        public var streams: Int
        /// RTP packets sent.
        public var packetsSent: UInt64
        /// RTP packets received, duplicates not counted.
        public var packetsReceived: UInt64
        /// RTP packets expected and not received.
        public var packetsLost: Int64
        /// Mean opinion score by ITU-T G.107.
        public var mos: Spread
        /// Mean of the running RFC 3550 estimate, milliseconds.
        public var jitterMs: Spread
        /// Lost of expected, percent.
        public var lossPercent: Spread
        /// Round trip by RTCP, milliseconds.
        public var rttMs: Spread
    }

    /// The version of this shape.
    public var schemaVersion: Int
    /// How the run ended.
    public var status: RunStatus
    /// What the thresholds said.
    public var verdict: RunVerdict
    /// Why the run failed as a whole, if it did.
    public var failure: String?
    /// Each threshold with its outcome.
    public var thresholds: [ThresholdResult]
    /// Endpoints by outcome.
    public var endpoints: Endpoints
    /// Registrations.
    public var registration: Registration
    /// Calls.
    public var calls: Calls
    /// Media.
    public var media: Media
    /// Causes of failures, most frequent first.
    public var diagnoses: [Diagnosis]
    /// The load generator about itself.
    public var generator: Generator
    /// The same figures per group, in the order of the test; empty when nothing was sent.
    public var groups: [GroupSummary]
    /// Figures by the names and formulas of RFC 6076.
    public var standards: Standards

    /// Sums up a run that ended with `status`.
    /// - Parameters:
    ///   - results: in order of the endpoints.
    ///   - windows: what the run's seconds add up to, fed with all of them; without it nothing is known of the generator, and
    ///     conditions over sliding windows are not measured.
    public init(
        status: RunStatus, failure: String? = nil, results: some Sequence<EndpointResult>, thresholds: [Threshold],
        diagnoses: [Diagnosis], windows: WindowReview? = nil, abort: WindowReview.Break? = nil
    ) {
        let (figures, groups) = RunFigures.gather(results)
        schemaVersion = Self.currentSchemaVersion
        self.status = status
        self.failure = failure
        let judge = ThresholdJudge(
            figures: figures, groups: .init(uniqueKeysWithValues: groups), windows: windows, abort: abort)
        self.thresholds = thresholds.map(judge.result)
        generator = Generator(figures, windows)
        let clean = figures.succeeded == figures.endpoints
        let held = thresholds.isEmpty ? clean : self.thresholds.allSatisfy(\.passed)
        verdict = generator.verdict == .void ? .void : status == .completed && held ? .passed : .failed
        endpoints = Endpoints(figures)
        registration = Registration(figures)
        calls = Calls(figures)
        media = Media(figures)
        self.diagnoses = diagnoses
        self.groups = groups.map(GroupSummary.init)
        standards = Standards(figures)
    }
}

extension RunSummary.Endpoints {
    init(_ figures: RunFigures) {
        self.init(
            total: figures.endpoints,
            byOutcome: .init(uniqueKeysWithValues: figures.outcomes.map { ($0.key.name, $0.value) }))
    }
}

extension RunSummary.Registration {
    init(_ figures: RunFigures) {
        self.init(
            attempted: figures.registrationsAttempted, succeeded: figures.registrationsSucceeded,
            failed: figures.registrationsAttempted - figures.registrationsSucceeded,
            notAttempted: figures.registrationsNotAttempted,
            delayMs: .init(figures.distribution(.registrationDelay)), byStatus: named(figures.registrationStatuses))
    }
}

extension RunSummary.Calls {
    init(_ figures: RunFigures) {
        self.init(
            attempted: figures.callsAttempted, established: figures.callsEstablished,
            failed: figures.callsAttempted - figures.callsEstablished, notAttempted: figures.callsNotAttempted,
            postDialDelayMs: .init(figures.distribution(.postDialDelay)),
            setupTimeMs: .init(figures.distribution(.setupTime)), byStatus: named(figures.callStatuses))
    }
}

extension RunSummary.Media {
    init(_ figures: RunFigures) {
        self.init(
            streams: figures.streams, packetsSent: figures.packetsSent, packetsReceived: figures.packetsReceived,
            packetsLost: figures.packetsLost, mos: .init(figures.distribution(.mos)),
            jitterMs: .init(figures.distribution(.jitter)), lossPercent: .init(figures.distribution(.loss)),
            rttMs: .init(figures.distribution(.rtt)))
    }
}

private func named(_ statuses: [UInt16: Int]) -> [String: Int] {
    .init(uniqueKeysWithValues: statuses.map { (String($0.key), $0.value) })
}
