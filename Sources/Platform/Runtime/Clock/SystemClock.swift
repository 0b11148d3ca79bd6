// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Glibc

/// The two clocks of this machine, read where the engine is driven; the engine itself never reads one.
public enum SystemClock {
    /// The moment now on CLOCK_MONOTONIC, the clock that NIO's deadlines and timerfd count on too.
    public static func now() -> Instant { Instant(nanoseconds: read(CLOCK_MONOTONIC)) }

    /// The moment now on the wall clock; may jump, so it names moments and never measures.
    public static func wallTime() -> UnixTime { UnixTime(nanoseconds: read(CLOCK_REALTIME)) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        let result = clock_gettime(clock, &time)
        precondition(result == 0, "the system has no clock \(clock)")
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

extension SeededRandom {
    /// A generator that nobody can foretell: seeded from the system's source.
    public static func unpredictable() -> SeededRandom {
        var system = SystemRandomNumberGenerator()
        return SeededRandom(seed: system.next())
    }
}
