// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Media

/// Names a stream to the client that opened it.
public typealias StreamID = UInt64

/// What the media side is told to do.
public enum MediaCommand: Sendable {
    /// Begin to send and receive on a port pair. The first packet is due at the given delay after the command is taken; nil
    /// spreads streams over the packet interval.
    case open(StreamID, MediaPort, StreamConfiguration, phase: Interval? = nil)
    /// The peer changed the session.
    case update(StreamID, NegotiatedAudio)
    /// Stop, say BYE, and report.
    case close(StreamID)
}

/// What the media side tells.
public enum MediaEvent: Sendable {
    /// The figures so far of a stream that goes on; each second, when the engine was made to give them.
    case interim(StreamID, StreamReport)
    /// The last figures of a stream; exactly one for each `close`, empty when it was not open, and one for each stream that
    /// a shutdown ended.
    case closed(StreamID, StreamReport)
    /// A stream could not be opened.
    case failed(StreamID, MediaError)
}
