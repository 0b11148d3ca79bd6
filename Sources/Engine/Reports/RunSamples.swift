// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import RunMetrics

/// The distributions behind a run's summary: what a comparison and the charts of delays are made of.
public struct RunSamples: Hashable, Sendable, Codable {
    /// Milliseconds from the first REGISTER to its 200.
    public var registrationDelay = SampleSet()
    /// Milliseconds from the first INVITE to the first 180, or 183 with SDP; at the caller.
    public var postDialDelay = SampleSet()
    /// Milliseconds from the first INVITE to the 200; at the caller.
    public var setupTime = SampleSet()
    /// Mean opinion score of each stream, conversational where a round trip was measured.
    public var mos = SampleSet()
    /// Mean jitter of each stream, milliseconds.
    public var jitter = SampleSet()
    /// Loss of each stream, percent.
    public var loss = SampleSet()
    /// Round trip of each stream, milliseconds.
    public var roundTrip = SampleSet()

    /// Nothing measured.
    public init() {}

    /// Adds what one endpoint measured.
    public mutating func add(_ result: EndpointResult) {
        if let delay = result.registration.delay { registrationDelay.add(delay.milliseconds) }
        for call in result.calls {
            if let delay = call.postDialDelay { postDialDelay.add(delay.milliseconds) }
            if let time = call.setupTime { setupTime.add(time.milliseconds) }
            guard let media = call.media else { continue }
            for (value, place) in [
                (media.mosCq ?? media.mosLq, \RunSamples.mos), (media.jitterMeanMs, \.jitter),
                (media.lossPercent, \.loss), (media.rttMs, \.roundTrip),
            ] {
                if let value { self[keyPath: place].add(value) }
            }
        }
    }
}
