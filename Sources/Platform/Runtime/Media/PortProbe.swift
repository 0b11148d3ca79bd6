// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Looks whether RTP ports can be had, without keeping them.
public enum PortProbe {
    /// More pairs than this are not tried: binding them all would be a run's own work, and in the way of one that is going.
    private static let mostPairs = 500

    /// Why so many port pairs cannot be bound on an address, in words; nil when they can be.
    ///
    /// - Parameter ports: where they are looked for; nil lets the system choose.
    public static func problem(ip: TransportAddress.IP, ports: ClosedRange<UInt16>?, pairs: Int) -> String? {
        var binder = PortBinder(ip: ip, range: ports, nextPort: 0)
        var bound: [MediaPort] = []
        defer { for port in bound { port.closeSockets() } }
        do throws(MediaError) {
            for index in 0..<min(pairs, mostPairs) {
                bound.append(try binder.bindPair(thread: 0, wanted: pairs, found: index))
            }
            return nil
        } catch {
            return error.description
        }
    }
}
