// SPDX-License-Identifier: Apache-2.0

import Bedrock
import FoundationEssentials
import Glibc
import Runtime

/// What this machine has, as far as a run needs it; nil where the system does not tell.
struct MachineFacts: Sendable {
    var openFiles = 0
    var openFileLimit = 0
    /// The ports that the system gives to sockets that ask for none.
    var ephemeralPorts: ClosedRange<Int>?
    /// The largest buffers that a socket may ask for, bytes.
    var receiveBuffer: Int?
    var sendBuffer: Int?
    /// Connections that the packet filter remembers.
    var trackedConnections: Int?
    /// Whether pages can be locked, so many bytes of them.
    var canLock: Bool
    var clock: ClockState
    var cores: Int
    /// The load of the last minute.
    var load: Double?
    /// Of half a second, the share that the host gave to others, percent.
    var steal: Double?

    /// Looks; takes half a second.
    static func gather(secretBytes: Int) async -> MachineFacts {
        let before = processorTimes()
        try? await Task.sleep(for: .milliseconds(500))
        let after = processorTimes()
        var limit = rlimit()
        _ = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var loads = [0.0]
        let memory = LockedMemory(minimumCount: max(65_536, secretBytes))
        return MachineFacts(
            openFiles: DescriptorBudget.openCount(), openFileLimit: Int(clamping: limit.rlim_max),
            ephemeralPorts: ports(), receiveBuffer: number("/proc/sys/net/core/rmem_max"),
            sendBuffer: number("/proc/sys/net/core/wmem_max"),
            trackedConnections: number("/proc/sys/net/netfilter/nf_conntrack_max"), canLock: memory.isLocked,
            clock: .now, cores: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))),
            load: getloadavg(&loads, 1) == 1 ? loads[0] : nil, steal: steal(before, after))
    }

    private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    private static func number(_ path: String) -> Int? {
        text(path).flatMap { Int($0.split(whereSeparator: \.isWhitespace).first ?? "") }
    }

    private static func ports() -> ClosedRange<Int>? {
        let numbers = (text("/proc/sys/net/ipv4/ip_local_port_range") ?? "").split(whereSeparator: \.isWhitespace)
            .compactMap { Int($0) }
        guard numbers.count == 2, numbers[0] <= numbers[1] else { return nil }
        return numbers[0]...numbers[1]
    }

    /// The times of /proc/stat's first line: user, nice, system, idle, iowait, irq, softirq, steal.
    private static func processorTimes() -> [Int] {
        let line = (text("/proc/stat") ?? "").split(separator: "\n").first ?? ""
        return line.split(separator: " ").dropFirst().prefix(8).compactMap { Int($0) }
    }

    private static func steal(_ before: [Int], _ after: [Int]) -> Double? {
        guard before.count == 8, after.count == 8 else { return nil }
        let spent = zip(after, before).reduce(0) { $0 + $1.0 - $1.1 }
        return spent > 0 ? 100 * Double(after[7] - before[7]) / Double(spent) : nil
    }
}
