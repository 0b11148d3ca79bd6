// SPDX-License-Identifier: Apache-2.0

/// How a received stream would be judged, with everything the judgement was made of.
public struct QualityEstimate: Hashable, Sendable {
    /// The share of expected packets that did not arrive, in percent.
    public var lossPercent: Double
    /// The codec's factors.
    public var codec: CodecImpairment
    /// The burst ratio that was assumed.
    public var burstRatio: Double
    /// Rating R without delay.
    public var listeningRating: Double
    /// `mos_lq`: the score without delay.
    public var mosLQ: Double
    /// One-way delay in milliseconds: half the round trip, twice the jitter for a jitter buffer, one packet. Nil without a
    /// measured round trip.
    public var delayMilliseconds: Double?
    /// Rating R with delay, nil without a measured round trip.
    public var conversationalRating: Double?
    /// `mos_cq`: the score with delay, nil without a measured round trip.
    public var mosCQ: Double?

    /// The estimate for a stream of which at least one packet arrived. With none there is nothing to judge: use nil.
    public init(
        lossPercent: Double, codec: CodecImpairment, jitterMilliseconds: Double, packetMilliseconds: Double,
        roundTripMilliseconds: Double?
    ) {
        let listening = EModel(codec: codec, lossPercent: lossPercent)
        self.lossPercent = lossPercent
        self.codec = codec
        burstRatio = listening.burstRatio
        listeningRating = listening.rating
        mosLQ = listening.meanOpinionScore
        guard let roundTripMilliseconds else { return }
        var conversational = listening
        let delay = roundTripMilliseconds / 2 + 2 * jitterMilliseconds + packetMilliseconds
        conversational.delayMilliseconds = delay
        delayMilliseconds = delay
        conversationalRating = conversational.rating
        mosCQ = conversational.meanOpinionScore
    }
}
