// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import RunMetrics

/// What the media threads say of themselves: whether a figure is the network's or this machine's.
public struct MediaFigures: Sendable {
    /// How late packets left against their deadline.
    public internal(set) var lateness = Histogram()
    /// RTP packets handed to the network.
    public internal(set) var packetsSent: UInt64 = 0
    /// RTP packets taken from the network for a stream.
    public internal(set) var packetsReceived: UInt64 = 0
    /// Datagrams that came to a port no stream used.
    public internal(set) var strays: UInt64 = 0
    /// CPU time of the threads.
    public internal(set) var cpu = Interval.zero

    /// No figures yet.
    public init() {}

    /// Adds another thread's.
    public mutating func merge(_ other: MediaFigures) {
        lateness.merge(other.lateness)
        packetsSent += other.packetsSent
        packetsReceived += other.packetsReceived
        strays += other.strays
        cpu = cpu + other.cpu
    }
}
