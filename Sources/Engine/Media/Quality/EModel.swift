// SPDX-License-Identifier: Apache-2.0

/// What the E-model needs to know of a codec's behaviour under packet loss (ITU-T G.113, Appendix I).
public struct CodecImpairment: Hashable, Sendable {
    /// Equipment impairment factor Ie, without loss.
    public var equipmentImpairment: Double
    /// Packet-loss robustness factor Bpl.
    public var lossRobustness: Double

    /// Factors from their values.
    public init(equipmentImpairment: Double, lossRobustness: Double) {
        self.equipmentImpairment = equipmentImpairment
        self.lossRobustness = lossRobustness
    }

    /// G.711 that leaves a gap where a packet is missing: what the wire delivered, with nobody's concealment added.
    public static var g711: CodecImpairment { CodecImpairment(equipmentImpairment: 0, lossRobustness: 4.3) }
    /// G.711 with the concealment of its Appendix I.
    public static var g711WithConcealment: CodecImpairment {
        CodecImpairment(equipmentImpairment: 0, lossRobustness: 25.1)
    }
}

/// The E-model of ITU-T G.107 for narrow-band speech, with all parameters but loss and delay at their defaults.
///
/// R = 93.2 - Id - Ie,eff. Ie,eff is formula 7-29 of G.107. Id is the published approximation of G.107's delay impairment
/// at its default echo parameters (Cole and Rosenbluth, 2001): 0.024 d + 0.11 (d - 177.3) beyond 177.3 ms. The advantage
/// factor is 0. R becomes an estimated mean opinion score by Annex B of G.107.
public struct EModel: Hashable, Sendable {
    /// R with every parameter at its default (G.107, section 7.7).
    public static var defaultRating: Double { 93.2 }

    /// The codec's factors.
    public var codec: CodecImpairment
    /// Packet loss in percent, 0…100.
    public var lossPercent: Double
    /// Ratio of the observed to the random mean length of loss bursts; 1 is random loss, and nothing else is measured yet.
    public var burstRatio: Double
    /// One-way delay from mouth to ear in milliseconds; nil leaves delay out (listening quality).
    public var delayMilliseconds: Double?

    /// A model of one direction of a stream.
    public init(
        codec: CodecImpairment, lossPercent: Double, burstRatio: Double = 1, delayMilliseconds: Double? = nil
    ) {
        self.codec = codec
        self.lossPercent = lossPercent
        self.burstRatio = burstRatio
        self.delayMilliseconds = delayMilliseconds
    }

    /// Id, the impairment by delay.
    public var delayImpairment: Double {
        guard let delay = delayMilliseconds, delay > 0 else { return 0 }
        return 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0)
    }

    /// Ie,eff, the impairment by codec and loss.
    public var effectiveEquipmentImpairment: Double {
        let loss = min(max(lossPercent, 0), 100)
        let base = codec.equipmentImpairment
        return base + (95 - base) * loss / (loss / burstRatio + codec.lossRobustness)
    }

    /// The rating R, 0…93.2.
    public var rating: Double { max(0, Self.defaultRating - delayImpairment - effectiveEquipmentImpairment) }

    /// The estimated mean opinion score, 1…4.41.
    public var meanOpinionScore: Double { Self.meanOpinionScore(rating: rating) }

    /// G.107, Annex B: the mean opinion score of a rating. The cubic dips below 1 for R under 6.5; that part is held at 1.
    public static func meanOpinionScore(rating: Double) -> Double {
        if rating <= 0 { return 1 }
        if rating >= 100 { return 4.5 }
        return max(1, 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating))
    }
}
