// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The plan needs more open files than the system gives this process; told before anything starts.
public struct DescriptorShortage: Error, Hashable, Sendable, CustomStringConvertible {
    /// Open files the plan needs.
    public let needed: Int
    /// Open files that this process may hold.
    public let limit: Int
    /// Open files it holds already.
    public let used: Int

    /// What is wrong and what to do.
    public var description: String {
        """
        the plan needs \(needed) more open files (sockets), but this process may hold \(limit) and uses \(used) already; \
        raise the limit (ulimit -n), use `flow: shared`, or lower the number of endpoints
        """
    }
}

/// How many descriptors this process may still open.
public enum DescriptorBudget {
    /// Descriptors kept back for the database, pages, log files and what else the program opens while a plan runs.
    public static let reserve = 64

    /// Raises the soft limit to the hard one where that is allowed, and refuses when `needed` more do not fit.
    public static func require(_ needed: Int) throws(DescriptorShortage) {
        let used = openCount()
        var limit = softLimit()
        if used + needed + reserve > limit { limit = raiseToHardLimit() }
        guard used + needed + reserve <= limit else {
            throw DescriptorShortage(needed: needed, limit: limit, used: used)
        }
    }

    /// How many descriptors are open now.
    public static func openCount() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return max(0, count - 3)  // ".", ".." and the folder's own descriptor
    }

    private static func softLimit() -> Int { clamp(limits().rlim_cur) }

    private static func raiseToHardLimit() -> Int {
        var limit = limits()
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return softLimit()
    }

    private static func limits() -> rlimit {
        var limit = rlimit()
        _ = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return limit
    }

    private static func clamp(_ value: rlim_t) -> Int { value > UInt64(Int32.max) ? Int(Int32.max) : Int(value) }
}
