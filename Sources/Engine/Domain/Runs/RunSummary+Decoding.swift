// SPDX-License-Identifier: Apache-2.0

// Summaries are kept for ever: what was added later is absent from older ones, and reads as "nothing" there.

extension RunSummary {
    private enum Keys: String, CodingKey {
        case schemaVersion, status, verdict, failure, thresholds, endpoints, registration, calls, media, diagnoses
        case generator, groups, standards
    }

    /// Reads a summary of this or an older release.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        schemaVersion = try values.decode(Int.self, forKey: .schemaVersion)
        status = try values.decode(RunStatus.self, forKey: .status)
        verdict = try values.decode(RunVerdict.self, forKey: .verdict)
        failure = try values.decodeIfPresent(String.self, forKey: .failure)
        thresholds = try values.decode([ThresholdResult].self, forKey: .thresholds)
        endpoints = try values.decode(Endpoints.self, forKey: .endpoints)
        registration = try values.decode(Registration.self, forKey: .registration)
        calls = try values.decode(Calls.self, forKey: .calls)
        media = try values.decode(Media.self, forKey: .media)
        diagnoses = try values.decode([Diagnosis].self, forKey: .diagnoses)
        generator = try values.decode(Generator.self, forKey: .generator)
        groups = try values.decodeIfPresent([GroupSummary].self, forKey: .groups) ?? []
        standards = try values.decodeIfPresent(Standards.self, forKey: .standards) ?? Standards()
    }
}

extension RunSummary.Registration {
    private enum Keys: String, CodingKey {
        case attempted, succeeded, failed, notAttempted, delayMs, byStatus
    }

    /// Reads figures of this or an older release.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        attempted = try values.decode(Int.self, forKey: .attempted)
        succeeded = try values.decode(Int.self, forKey: .succeeded)
        failed = try values.decode(Int.self, forKey: .failed)
        notAttempted = try values.decodeIfPresent(Int.self, forKey: .notAttempted) ?? 0
        delayMs = try values.decode(RunSummary.Delay.self, forKey: .delayMs)
        byStatus = try values.decode([String: Int].self, forKey: .byStatus)
    }
}

extension RunSummary.Calls {
    private enum Keys: String, CodingKey {
        case attempted, established, failed, notAttempted, postDialDelayMs, setupTimeMs, byStatus
    }

    /// Reads figures of this or an older release.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        attempted = try values.decode(Int.self, forKey: .attempted)
        established = try values.decode(Int.self, forKey: .established)
        failed = try values.decode(Int.self, forKey: .failed)
        notAttempted = try values.decodeIfPresent(Int.self, forKey: .notAttempted) ?? 0
        postDialDelayMs = try values.decode(RunSummary.Delay.self, forKey: .postDialDelayMs)
        setupTimeMs = try values.decode(RunSummary.Delay.self, forKey: .setupTimeMs)
        byStatus = try values.decode([String: Int].self, forKey: .byStatus)
    }
}

extension RunSummary.ThresholdResult {
    private enum Keys: String, CodingKey {
        case threshold, value, passed, group, window, abortedRun, abortedAt
    }

    /// Reads a result of this or an older release.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        threshold = try values.decode(String.self, forKey: .threshold)
        value = try values.decodeIfPresent(Double.self, forKey: .value)
        passed = try values.decode(Bool.self, forKey: .passed)
        group = try values.decodeIfPresent(String.self, forKey: .group)
        window = try values.decodeIfPresent(WorstWindow.self, forKey: .window)
        abortedRun = try values.decodeIfPresent(Bool.self, forKey: .abortedRun) ?? false
        abortedAt = try values.decodeIfPresent(Int.self, forKey: .abortedAt)
    }
}

extension RunSummary.Generator {
    private enum Keys: String, CodingKey {
        case verdict, reasons, latenessMs, rtpLatenessMs, wakeLatenessMs, cpuPercent, stealPercent, socketDrops
        case lateSends, skippedFrames, notAttempted
    }

    /// Reads what a generator of this or an older release said.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        self.init(
            lateSends: try values.decode(UInt64.self, forKey: .lateSends),
            skippedFrames: try values.decode(UInt64.self, forKey: .skippedFrames))
        verdict = try values.decodeIfPresent(GeneratorVerdict.self, forKey: .verdict) ?? .valid
        reasons = try values.decodeIfPresent([String].self, forKey: .reasons) ?? []
        latenessMs = try values.decodeIfPresent(RunSummary.Delay.self, forKey: .latenessMs) ?? .init()
        rtpLatenessMs = try values.decodeIfPresent(RunSummary.Delay.self, forKey: .rtpLatenessMs) ?? .init()
        wakeLatenessMs = try values.decodeIfPresent(RunSummary.Delay.self, forKey: .wakeLatenessMs) ?? .init()
        cpuPercent = try values.decodeIfPresent(Double.self, forKey: .cpuPercent)
        stealPercent = try values.decodeIfPresent(Double.self, forKey: .stealPercent)
        socketDrops = try values.decodeIfPresent(UInt64.self, forKey: .socketDrops) ?? 0
        notAttempted = try values.decodeIfPresent(Int.self, forKey: .notAttempted) ?? 0
    }
}
