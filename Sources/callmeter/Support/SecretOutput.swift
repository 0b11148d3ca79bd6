// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Writes passwords to a new file that only its owner can read, or to standard output.
enum SecretOutput {
    /// Lends a writer for the file. A file that is there is not touched; one that cannot be written whole is removed.
    static func write(
        to path: String,
        _ body: ((UnsafeRawBufferPointer) throws(CommandFailure) -> Void) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        guard path != "-" else {
            return try body { (bytes) throws(CommandFailure) in
                try put(bytes, to: STDOUT_FILENO, name: "standard output")
            }
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .usage(
                errno == EEXIST
                    ? "'\(path)' is there already and is not overwritten; name a new file"
                    : "'\(path)' cannot be made: \(String(cString: strerror(errno)))")
        }
        do throws(CommandFailure) {
            try body { (bytes) throws(CommandFailure) in try put(bytes, to: descriptor, name: "'\(path)'") }
            guard fsync(descriptor) == 0 || errno == EINVAL else {
                throw .usage("'\(path)' cannot be written: \(String(cString: strerror(errno)))")
            }
        } catch {
            close(descriptor)
            unlink(path)
            throw error
        }
        close(descriptor)
    }

    private static func put(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, name: String
    ) throws(CommandFailure) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .usage("\(name) cannot be written: \(String(cString: strerror(errno)))")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
