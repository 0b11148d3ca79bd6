// SPDX-License-Identifier: Apache-2.0

/// What a source file must not say, or must not say without a reason.
enum CodeCheck {
    /// Calls with which protocol logic would touch the world. `Bedrock/LockedMemory.swift` may call the C library for memory only.
    static let bannedInEngine: [(token: String, reason: String)] = [
        ("Date(", "time is handed in"), ("Date.now", "time is handed in"),
        ("ContinuousClock", "time is handed in"), ("SuspendingClock", "time is handed in"),
        ("DispatchTime", "time is handed in"), ("clock_gettime", "time is handed in"),
        ("gettimeofday", "time is handed in"), ("time(nil)", "time is handed in"),
        ("sleep", "the engine never waits"), ("usleep", "the engine never waits"),
        ("nanosleep", "the engine never waits"), ("await", "the engine never waits"),
        ("async", "the engine never waits"), ("Task", "the engine starts no tasks"),
        ("TaskGroup", "the engine starts no tasks"), ("actor", "state has one owner outside"),
        ("Thread", "the engine starts no threads"), ("pthread_create", "the engine starts no threads"),
        ("DispatchQueue", "the engine knows no queues of the system"),
        ("DispatchSemaphore", "the engine holds no locks"), ("NSLock", "the engine holds no locks"),
        ("Mutex", "the engine holds no locks"), ("pthread_mutex_lock", "the engine holds no locks"),
        ("print(", "results go out as values"), ("debugPrint(", "results go out as values"),
        ("dump(", "results go out as values"), ("NSLog(", "results go out as values"),
        ("readLine(", "input comes in as values"), ("getenv(", "input comes in as values"),
        ("CommandLine", "input comes in as values"), ("ProcessInfo", "input comes in as values"),
        ("FileManager", "input comes in as values"), ("socket(", "input comes in as values"),
        ("try!", "errors are values"), ("fatalError", "errors are values; programmer errors are preconditions"),
        ("SystemRandomNumberGenerator", "randomness is seeded and handed in"),
        ("arc4random", "randomness is seeded and handed in"), ("UUID(", "randomness is seeded and handed in"),
        ("getrandom(", "randomness is seeded and handed in"), ("drand48", "randomness is seeded and handed in"),
        (".shuffled()", "randomness is seeded and handed in"), (".shuffle()", "randomness is seeded and handed in"),
        (".randomElement()", "randomness is seeded and handed in"),
        (".random()", "randomness is seeded and handed in"),
    ]

    /// The one lock of the engine: custody fills the arena of secrets while shards read from it.
    static let exceptions = [(path: "Sources/Engine/Bedrock/SecretArena.swift", token: "Mutex")]

    static func bannedCalls(_ file: SourceText) -> [Finding] {
        guard file.isSwift, file.path.hasPrefix("Sources/Engine/") else { return [] }
        var found = bannedInEngine.flatMap { banned in
            if exceptions.contains(where: { $0.path == file.path && $0.token == banned.token }) { return [Finding]() }
            return file.linesOf(banned.token, in: .code).map {
                Finding(path: file.path, line: $0, rule: "`\(banned.token)` in the engine: \(banned.reason)")
            }
        }
        let lines = file.lines(.code)
        for line in file.linesOf(".random(", in: .code) {
            // The generator may stand on the next line of a long call.
            let call = lines[(line - 1)..<min(line + 2, lines.count)].joined()
            if !call.contains("using:") && !lines[line - 1].contains(".random()") {
                found.append(
                    Finding(path: file.path, line: line, rule: "`.random(` without `using:`: randomness is handed in"))
            }
        }
        return found
    }

    /// Spellings that switch a check of the compiler off; each needs a line that says why it is safe.
    static let needsReason = ["@unchecked Sendable", "nonisolated(unsafe)", "try!", "as!", "unsafeBitCast("]

    static func missingReasons(_ file: SourceText) -> [Finding] {
        guard file.isSwift else { return [] }
        let comments = file.lines(.comments).map { $0.drop(while: { $0 == " " || $0 == "\t" }) }
        func isReason(_ index: Int) -> Bool {
            guard comments.indices.contains(index) else { return false }
            let comment = comments[index]
            // A doc comment describes the thing; it counts where it speaks of the matter.
            if comment.hasPrefix("///") { return comment.contains("endable") || comment.contains("safe") }
            return comment.hasPrefix("//") && !comment.contains("SPDX")
        }
        return needsReason.flatMap { token in
            file.linesOf(token, in: .code).compactMap { line in
                if ((line - 2)...(line + 1)).contains(where: { isReason($0 - 1) || isReason($0) }) { return nil }
                return Finding(
                    path: file.path, line: line, rule: "`\(token)` without a comment that says why it is safe")
            }
        }
    }

    static func uncheckedOptimisation(_ file: SourceText) -> [Finding] {
        file.linesOf("-O" + "unchecked", in: file.isSwift && file.path != "Package.swift" ? .code : .raw).map {
            Finding(
                path: file.path, line: $0, rule: "-O" + "unchecked removes the bounds checks that network input needs")
        }
    }
}
