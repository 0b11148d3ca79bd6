// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import Testing

@Suite struct EModelTests {
    @Test func `the default rating 93_2 is a score of 4_41`() {
        let model = EModel(codec: .g711, lossPercent: 0)
        #expect(model.rating == 93.2)
        // 1 + 0.035 * 93.2 + 7e-6 * 93.2 * 33.2 * 6.8 = 1 + 3.262 + 0.147286
        #expect(abs(model.meanOpinionScore - 4.409286) < 1e-6)
    }

    // Loss %, Ie,eff = 95 * loss / (loss / BurstR + Bpl): by hand 95 / 5.3 = 17.924528 for 1 % without concealment.
    @Test(arguments: [
        (1.0, CodecImpairment.g711, 75.2755, 3.8337), (5.0, .g711, 42.1247, 2.1693),
        (1.0, .g711WithConcealment, 89.5602, 4.3281), (10.0, .g711WithConcealment, 66.1345, 3.4109),
    ])
    func `loss lowers the rating by formula 7-29 of G_107`(
        loss: Double, codec: CodecImpairment, rating: Double, score: Double
    ) {
        let model = EModel(codec: codec, lossPercent: loss)
        #expect(abs(model.rating - rating) < 1e-4)
        #expect(abs(model.meanOpinionScore - score) < 1e-4)
    }

    /// Round trip, jitter, loss and the scores without concealment, with it, and without at burst ratio 2, computed outside
    /// this program from the published formulas with half the trip, twice the jitter and 20 ms as delay.
    @Test(arguments: [
        (20.0, 1.0, 0.0, 4.39, 4.39, 4.39), (100, 10, 0.5, 4.07, 4.32, 4.05), (100, 10, 1, 3.74, 4.27, 3.65),
        (100, 10, 3, 2.68, 4.06, 2.16), (100, 10, 5, 2.06, 3.83, 1.29), (300, 30, 2, 2.67, 3.82, 2.37),
    ])
    func `delay and loss together give the published scores`(
        trip: Double, jitter: Double, loss: Double, plain: Double, concealed: Double, bursty: Double
    ) throws {
        func estimate(_ codec: CodecImpairment) -> QualityEstimate {
            QualityEstimate(
                lossPercent: loss, codec: codec, jitterMilliseconds: jitter, packetMilliseconds: 20,
                roundTripMilliseconds: trip)
        }
        #expect(abs(try #require(estimate(.g711).mosCQ) - plain) <= 0.0051)
        #expect(abs(try #require(estimate(.g711WithConcealment).mosCQ) - concealed) <= 0.0051)
        let delay = try #require(estimate(.g711).delayMilliseconds)
        #expect(delay == trip / 2 + 2 * jitter + 20)
        let model = EModel(codec: .g711, lossPercent: loss, burstRatio: 2, delayMilliseconds: delay)
        #expect(abs(model.meanOpinionScore - bursty) <= 0.0051)
    }

    @Test func `without a round trip there is a listening score and no conversational one`() {
        let estimate = QualityEstimate(
            lossPercent: 1, codec: .g711, jitterMilliseconds: 5, packetMilliseconds: 20, roundTripMilliseconds: nil)
        #expect(estimate.mosCQ == nil)
        #expect(estimate.delayMilliseconds == nil)
        #expect(estimate.conversationalRating == nil)
        #expect(abs(estimate.mosLQ - 3.8337) < 1e-4)
    }

    @Test func `more loss or more delay never raises the score, and delay always lowers it`() {
        for codec in [CodecImpairment.g711, .g711WithConcealment] {
            var previous = Double.infinity
            for loss in stride(from: 0.0, through: 100, by: 0.25) {
                let score = EModel(codec: codec, lossPercent: loss).meanOpinionScore
                #expect(score <= previous && (1...4.5).contains(score))
                previous = score
                var atDelay = score
                for delay in stride(from: 1.0, through: 1000, by: 37) {
                    let model = EModel(codec: codec, lossPercent: loss, delayMilliseconds: delay)
                    #expect(model.meanOpinionScore < atDelay || model.meanOpinionScore == 1)
                    atDelay = model.meanOpinionScore
                }
            }
        }
    }
}
