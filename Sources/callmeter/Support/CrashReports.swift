// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What a crash shows.
enum CrashReports {
    /// Swift's report of a crash prints the registers with the memory they point to, and so perhaps a part of a password (E4). The
    /// kernel ends the process instead; its core, where one is written, leaves the secrets' pages out. Whoever sets SWIFT_BACKTRACE
    /// wants the report.
    static func withhold() {
        guard getenv("SWIFT_BACKTRACE") == nil else { return }
        for number in [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP] { signal(number, SIG_DFL) }
    }
}
