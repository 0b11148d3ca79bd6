// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Glibc
public import RunMetrics

/// What a benchmark measured; its JSON is the one line that `bench` prints.
public struct BenchResult: Hashable, Sendable, Codable {
    /// Operations that ended, well or not.
    public var operations: Int
    /// Those among them that failed.
    public var failures: Int
    /// User and system CPU time of the process from the first operation to the last, per successful operation.
    public var cpuMicrosecondsPerOperation: Double
    /// Time from the first operation to the last.
    public var wallSeconds: Double
    /// Successful operations per second of wall time.
    public var operationsPerSecond: Double
    /// Median time from the request to the final answer.
    public var latencyP50Ms: Double?
    /// The time that 99 of 100 operations stayed below.
    public var latencyP99Ms: Double?
    /// Requests sent again by timers, a sign that somebody dropped datagrams.
    public var retransmissions: UInt64
    /// Datagrams that this machine dropped because a socket's buffer was full.
    public var droppedDatagrams: UInt64 = 0

    /// A result from what was counted.
    public init(
        operations: Int, failures: Int, cpu: Interval, wall: Interval, latency: Histogram, retransmissions: UInt64
    ) {
        let succeeded = operations - failures
        self.operations = operations
        self.failures = failures
        cpuMicrosecondsPerOperation = succeeded == 0 ? 0 : Double(cpu.nanoseconds) / 1_000 / Double(succeeded)
        wallSeconds = wall.seconds
        operationsPerSecond = wall.nanoseconds == 0 ? 0 : Double(succeeded) / wall.seconds
        latencyP50Ms = latency.quantile(0.5)?.milliseconds
        latencyP99Ms = latency.quantile(0.99)?.milliseconds
        self.retransmissions = retransmissions
    }
}

/// CPU time of this process.
enum ProcessTime {
    /// User and system time since the process began, all threads.
    static func used() -> Interval {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return .zero }
        return interval(usage.ru_utime) + interval(usage.ru_stime)
    }

    private static func interval(_ time: timeval) -> Interval {
        .seconds(Int(time.tv_sec)) + .microseconds(Int(time.tv_usec))
    }
}
