// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// A line whose end has not come yet, in locked memory. Of an overlong line it keeps the beginning and the shape.
struct CarriedLine: ~Copyable {
    /// A byte-order mark, the longest username, a colon, the longest password, a carriage return: fewer than a page.
    private static let mostKept = 3 + AccountRules.longestUsername + 1 + AccountRules.longestPassword + 1

    private let memory = LockedMemory(minimumCount: CarriedLine.mostKept)
    private var kept = 0
    private var count = 0
    private var colons = 0
    private var firstColon = 0
    private var lastByte: UInt8?

    /// Whether no byte was carried.
    var isEmpty: Bool { count == 0 }

    /// Adds the next part of the line; `firstColon` counts from the part's start.
    mutating func append(_ part: UnsafeRawBufferPointer, colons: Int, firstColon: Int) {
        if self.colons == 0, colons > 0 { self.firstColon = count + firstColon }
        self.colons += colons
        count += part.count
        lastByte = part.last ?? lastByte
        let room = min(part.count, Self.mostKept - kept)
        guard room > 0 else { return }
        let target = kept
        memory.withMutableBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: bytes[target..<target + room])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: part[..<room]))
        }
        kept += room
    }

    /// The whole line. Its bytes stay valid until `wipe`.
    mutating func take() -> (line: RawLine, lastByte: UInt8?) {
        let kept = kept
        let start = memory.withBytes { UnsafeRawBufferPointer(rebasing: $0[..<kept]) }
        return (RawLine(start: start, count: count, colons: colons, firstColon: firstColon), lastByte)
    }

    /// Zeroes the bytes and begins anew.
    mutating func wipe() {
        memory.wipe(0..<kept)
        kept = 0
        count = 0
        colons = 0
        firstColon = 0
        lastByte = nil
    }
}
