// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// What a stream sends.
public enum StreamSource: Sendable {
    /// Repeats this material.
    case material(AudioMaterial)
    /// Returns the payload of each packet it receives, as a stream of its own: source, sequence numbers and timestamps are
    /// new, so that a loss on the way here is not counted as one on the way back.
    case echo
}

/// How one stream is played.
public struct StreamConfiguration: Sendable {
    /// What was negotiated.
    public var audio: NegotiatedAudio
    /// What it sends.
    public var source: StreamSource
    /// Whether packets go to where the peer's come from instead of where its description says (symmetric RTP, RFC 4961).
    public var isSymmetric: Bool
    /// Mean time between RTCP reports before randomisation.
    public var reportInterval: Interval
    /// How the codec stands loss.
    public var impairment: CodecImpairment

    /// The reduced minimum of RFC 3550 §6.2, 360 s divided by the session bandwidth in kbit/s, for G.711's 80 kbit/s.
    public static var defaultReportInterval: Interval { .milliseconds(4500) }

    /// A configuration with the usual report interval and G.711's loss behaviour.
    public init(
        audio: NegotiatedAudio, source: StreamSource, isSymmetric: Bool = false,
        reportInterval: Interval = defaultReportInterval, impairment: CodecImpairment = .g711
    ) {
        self.audio = audio
        self.source = source
        self.isSymmetric = isSymmetric
        self.reportInterval = reportInterval
        self.impairment = impairment
    }
}
