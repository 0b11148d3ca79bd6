// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// A program that a test starts. Foundation's `Process` hears of a child's end by a descriptor that the child inherits, and waits for
/// the wrong child when one closes what it inherited, as dnsmasq does; this one asks the kernel.
final class ChildProcess {
    struct NotStarted: Error {
        let path: String
        let code: Int32
    }

    private let id: pid_t
    private var hasEnded = false

    /// Starts it, with both outputs going to `output`, else nowhere.
    init(_ path: String, _ arguments: [String], output: Int32? = nil) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if let output {
            posix_spawn_file_actions_adddup2(&actions, output, 1)
        } else {
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let words = ([path] + arguments).map { strdup($0) }
        defer { words.forEach { free($0) } }
        var id = pid_t()
        let code = posix_spawn(&id, path, &actions, nil, words + [nil], environ)
        guard code == 0 else { throw NotStarted(path: path, code: code) }
        self.id = id
    }

    /// Kills it, if it still runs, and takes what is left of it.
    deinit {
        guard isRunning else { return }
        kill(id, SIGKILL)
        waitpid(id, nil, 0)
    }

    var isRunning: Bool {
        if !hasEnded { hasEnded = waitpid(id, nil, WNOHANG) == id }
        return !hasEnded
    }

    /// What a program writes until it ends; waits on a thread of its own. It writes to a file: the end of a pipe would also be in the
    /// hands of whatever another test starts meanwhile.
    static func output(of path: String, _ arguments: [String]) async throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "callmeter-\(UUID().uuidString).out")
        let descriptor = open(file.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw NotStarted(path: path, code: errno) }
        defer {
            close(descriptor)
            unlink(file.path)
        }
        let child = try ChildProcess(path, arguments, output: descriptor)
        let id = child.id
        child.hasEnded = await withCheckedContinuation { done in
            Thread.detachNewThread { done.resume(returning: waitpid(id, nil, 0) == id) }
        }
        return try String(contentsOf: file, encoding: .utf8)
    }
}
