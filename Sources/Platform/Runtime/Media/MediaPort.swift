// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A pair of bound sockets for one stream at a time: RTP on an even port, RTCP on the next one (RFC 3550 §11).
///
/// It stays open between streams, so an endpoint that calls again keeps its ports. What arrives while no stream uses it is
/// read and dropped.
public struct MediaPort: Hashable, Sendable {
    /// Where it receives RTP.
    public let rtp: TransportAddress
    /// Where it receives RTCP.
    public let rtcp: TransportAddress
    let rtpDescriptor: Int32
    let rtcpDescriptor: Int32
    /// The media thread it belongs to.
    let thread: Int
}
