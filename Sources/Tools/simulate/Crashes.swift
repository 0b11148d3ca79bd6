// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The seed that a worker is at, for who reports a crash.
final class PresentSeed: Sendable {
    let value = Atomic<UInt64>(0)

    /// One for each worker.
    static let all = (0..<64).map { _ in PresentSeed() }
}

/// Lets a crash say which seeds were running, since a trap ends the whole process.
func announceCrashes() {
    _ = PresentSeed.all
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
        signal(number) { number in
            signal(number, SIG_DFL)
            for present in PresentSeed.all {
                let seed = present.value.load(ordering: .relaxed)
                if seed > 0 { tellCrash(seed) }
            }
            raise(number)
        }
    }
}

/// Writes one line without taking memory.
private func tellCrash(_ seed: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var start = 20
    var rest = seed
    repeat {
        start -= 1
        digits[start] = 0x30 + UInt8(rest % 10)
        rest /= 10
    } while rest > 0
    func tell(_ text: StaticString) { _ = write(2, text.utf8Start, text.utf8CodeUnitCount) }
    tell("crashed in the small world of one of these seeds: scripts/sim ")
    withUnsafeBytes(of: &digits) { bytes in
        let text = UnsafeRawBufferPointer(rebasing: bytes[start...])
        _ = write(2, text.baseAddress, text.count)
    }
    tell(" --small\n")
}
