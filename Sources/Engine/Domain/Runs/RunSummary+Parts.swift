// SPDX-License-Identifier: Apache-2.0

extension RunSummary {
    /// How one threshold came out.
    public struct ThresholdResult: Hashable, Sendable, Codable {
        /// The worst of a threshold's sliding windows.
        public struct WorstWindow: Hashable, Sendable, Codable {
            /// The second of the run with which the window ended, from 0.
            public var worstSecond: Int
            /// What was measured in it; nil when nothing was.
            public var value: Double?

            /// A window from its parts.
            public init(worstSecond: Int, value: Double?) {
                self.worstSecond = worstSecond
                self.value = value
            }
        }

        /// The condition in its canonical text.
        public var threshold: String
        /// What was measured; nil when nothing was. With a sliding window, the worst window's value.
        public var value: Double?
        /// Whether it held.
        public var passed: Bool
        /// The group it is about; nil for the whole run.
        public var group: String?
        /// The worst window, where the condition must hold in each; nil when it is about the whole run.
        public var window: WorstWindow?
        /// Whether the run was ended early because of it.
        public var abortedRun: Bool
        /// The second of the run at which it ended the run; nil when it did not.
        public var abortedAt: Int?

        /// A result from its parts.
        public init(
            threshold: String, value: Double?, passed: Bool, group: String? = nil, window: WorstWindow? = nil,
            abortedAt: Int? = nil
        ) {
            self.threshold = threshold
            self.value = value
            self.passed = passed
            self.group = group
            self.window = window
            self.abortedAt = abortedAt
            abortedRun = abortedAt != nil
        }
    }

    /// What the load generator says of itself: whether its figures can be trusted, and why not.
    public struct Generator: Hashable, Sendable, Codable {
        /// Whether the figures are the target's or the generator's own.
        public var verdict: GeneratorVerdict
        /// Why it is not valid, in words with numbers; empty when it is.
        public var reasons: [String]
        /// Actual less intended moment of the first REGISTER and the first INVITE of each registration and call.
        public var latenessMs: Delay
        /// How late packets of RTP left against their schedule; nil figures when none was sent.
        public var rtpLatenessMs: Delay
        /// How late a thread that only waits was woken: how long an answer may have lain unread.
        public var wakeLatenessMs: Delay
        /// Processor time of the process, of what the cores it may use could give; nil when not measured.
        public var cpuPercent: Double?
        /// Time the host gave to others while this machine wanted it; nil when not measured.
        public var stealPercent: Double?
        /// Datagrams the kernel dropped at our sockets because they were not read in time.
        public var socketDrops: UInt64
        /// RTP packets that left more than 2 ms late.
        public var lateSends: UInt64
        /// RTP frames skipped rather than sent in a burst.
        public var skippedFrames: UInt64
        /// Registrations and calls that were due and could not be begun in time.
        public var notAttempted: Int

        /// A generator that measured nothing but its media.
        public init(lateSends: UInt64 = 0, skippedFrames: UInt64 = 0) {
            verdict = .valid
            reasons = []
            latenessMs = Delay()
            rtpLatenessMs = Delay()
            wakeLatenessMs = Delay()
            socketDrops = 0
            self.lateSends = lateSends
            self.skippedFrames = skippedFrames
            notAttempted = 0
        }
    }

    /// The figures of one group.
    public struct GroupSummary: Hashable, Sendable, Codable {
        /// The group's name.
        public var name: String
        /// Its endpoints by outcome.
        public var endpoints: Endpoints
        /// Its registrations.
        public var registration: Registration
        /// Its calls, counted at the caller.
        public var calls: Calls
        /// Its media.
        public var media: Media

        init(_ name: String, _ figures: RunFigures) {
            self.name = name
            endpoints = Endpoints(figures)
            registration = Registration(figures)
            calls = Calls(figures)
            media = Media(figures)
        }
    }

    /// RFC 6076's metrics, measured at the originating side; docs/metrics.md has the formulas. Nil: nothing to measure.
    public struct Standards: Hashable, Sendable, Codable {
        /// Registration request delay (§4.1), of successful registrations.
        public var rrdMs = Delay()
        /// Session request delay of successful set-ups (§4.3.1).
        public var srdSuccessMs = Delay()
        /// Session request delay of failed set-ups (§4.3.2).
        public var srdFailedMs = Delay()
        /// Session disconnect delay (§4.4).
        public var sddMs = Delay()
        /// Session duration time of completed sessions (§4.5).
        public var sdtMs = Delay()
        /// Ineffective registration attempts of all (§4.2).
        public var iraPercent: Double?
        /// Session establishment ratio (§4.6).
        public var serPercent: Double?
        /// Session establishment effectiveness ratio (§4.7).
        public var seerPercent: Double?
        /// Ineffective session attempts of all (§4.8).
        public var isaPercent: Double?
        /// Session completion ratio (§4.9).
        public var scrPercent: Double?

        /// Nothing measured.
        public init() {}
    }
}

/// Whether a run's figures can be trusted, as far as the load generator is concerned.
public enum GeneratorVerdict: String, Hashable, Sendable, Codable, CaseIterable {
    /// The generator kept its schedule.
    case valid
    /// It did so with blemishes: the figures hold, with the reasons given in mind.
    case qualified
    /// The generator itself was the limit: the figures say nothing of the target.
    case void
}
