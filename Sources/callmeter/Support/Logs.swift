// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging

/// Log lines on standard error. `LOG_LEVEL` (trace, debug, info, notice, warning, error, critical) overrides the command's own level.
enum Logs {
    /// Warnings and worse only: for commands whose output is for people. To be called once per process.
    static func quiet() { start(.warning) }

    /// To be called once per process, before anything logs.
    static func start(_ usual: Logger.Level) {
        let wanted = getenv("LOG_LEVEL").flatMap { Logger.Level(rawValue: String(cString: $0).lowercased()) }
        let level = wanted ?? usual
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
    }
}
