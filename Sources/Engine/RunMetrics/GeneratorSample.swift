// SPDX-License-Identifier: Apache-2.0

/// What a load generator saw of itself in one second of a run; samples of several workers merge by addition.
public struct GeneratorSample: Hashable, Sendable, Codable {
    /// How late a thread was woken that asks to be woken at fixed moments; nil when none was due.
    public var wakes: Histogram?
    /// How late packets of RTP left against their schedule; nil when none left.
    public var rtp: Histogram?
    /// Processor time of the process, user and system, in microseconds.
    public var processorMicroseconds: UInt64 = 0
    /// What the cores it may use could have given in that time, in microseconds.
    public var capacityMicroseconds: UInt64 = 0
    /// Time the host gave to others while this machine wanted to run, in the system's ticks.
    public var stolenTicks: UInt64 = 0
    /// All time of all cores of this machine, in the same ticks.
    public var allTicks: UInt64 = 0
    /// Datagrams the system dropped at our sockets because they were not read in time.
    public var socketDrops: UInt64 = 0
    /// RTP packets read; with the SIP messages the base of the drops.
    public var packetsReceived: UInt64 = 0

    /// Nothing seen.
    public init() {}

    /// Adds what another worker, or another part of this one, saw.
    public mutating func merge(_ other: GeneratorSample) {
        Histogram.merge(other.wakes, into: &wakes)
        Histogram.merge(other.rtp, into: &rtp)
        processorMicroseconds += other.processorMicroseconds
        capacityMicroseconds += other.capacityMicroseconds
        stolenTicks += other.stolenTicks
        allTicks += other.allTicks
        socketDrops += other.socketDrops
        packetsReceived += other.packetsReceived
    }
}
