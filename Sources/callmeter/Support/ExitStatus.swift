// SPDX-License-Identifier: Apache-2.0

/// How the process ends. Scripts switch on these numbers; docs name them.
enum ExitStatus: Int32, Hashable, CaseIterable {
    /// All well, and every threshold held.
    case allWell = 0
    /// The run finished, but endpoints failed and no threshold covers it; or a single registration was refused.
    case endpointsFailed = 1
    /// Wrong usage, or a test file that is not valid.
    case usage = 2
    /// Fewer free accounts than endpoints.
    case insufficientAccounts = 3
    /// The target answered no endpoint at all.
    case unreachable = 4
    /// The load generator itself was the limit, so the run says nothing.
    case generatorLimited = 5
    /// A threshold failed.
    case thresholdFailed = 99
    /// Stopped by Ctrl-C or a signal.
    case interrupted = 105

    /// When several apply, the first of these is the one returned.
    static let precedence: [ExitStatus] = [
        .usage, .insufficientAccounts, .interrupted, .generatorLimited, .thresholdFailed, .unreachable,
        .endpointsFailed,
    ]

    /// The one to return when all of `statuses` apply.
    static func first(of statuses: Set<ExitStatus>) -> ExitStatus {
        precedence.first(where: statuses.contains) ?? .allWell
    }
}

/// Ends a command with a status and, where there is something to say, a line on standard error.
struct CommandFailure: Error {
    /// The status to end with.
    var status: ExitStatus
    /// What is wrong and what to do; nil when it was said already.
    var message: String?

    init(_ status: ExitStatus, _ message: String? = nil) {
        self.status = status
        self.message = message
    }

    static func usage(_ message: String) -> CommandFailure { CommandFailure(.usage, message) }
}
