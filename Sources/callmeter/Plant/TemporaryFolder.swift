// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc

/// A folder of this process alone, under the system's place for such.
struct TemporaryFolder {
    let path: String

    /// Makes it, readable by its owner only.
    init() throws(CommandFailure) {
        let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(place)/callmeter.XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { mkdtemp($0) != nil } ?? false
        }
        guard made else { throw .usage("no folder can be made in '\(place)': \(String(cString: strerror(errno)))") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Removes it with all that is in it.
    func remove() {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            Output.error("callmeter: the folder '\(path)' could not be removed")
        }
    }
}
