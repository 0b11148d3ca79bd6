// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Bytes that hold passwords, read from a file or standard input straight into memory that the caller owns; never a String.
struct SecretSource: ~Copyable {
    private let descriptor: Int32
    private let isOwned: Bool
    private let name: String

    /// Opens `path`; `-` is standard input.
    init(path: String) throws(CommandFailure) {
        isOwned = path != "-"
        name = path == "-" ? "standard input" : "'\(path)'"
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .usage("\(name) cannot be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        if isOwned, descriptor >= 0 { close(descriptor) }
    }

    /// Fills `buffer` from its start with the next bytes; 0 at the end.
    borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(CommandFailure) -> Int {
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw .usage("\(name) cannot be read: \(String(cString: strerror(errno)))") }
        }
    }
}
