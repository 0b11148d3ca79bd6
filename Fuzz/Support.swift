// SPDX-License-Identifier: Apache-2.0

import SIP

/// Ends the run with a crash, which is how libFuzzer learns of a finding.
func require(_ condition: @autoclosure () -> Bool, _ what: @autoclosure () -> String) {
    if !condition() { fatalError(what()) }
}

/// Whether a place lies within so many bytes.
func require(_ slice: Slice?, within count: Int, _ what: @autoclosure () -> String) {
    guard let slice else { return }
    require(slice.start <= count && slice.end <= count, "\(what()) reaches behind the end")
}

/// Whether bytes can stand in a header line of ours: no line end.
func requireOneLine(_ bytes: some Sequence<UInt8>, _ what: @autoclosure () -> String) {
    for byte in bytes { require(byte != 0x0D && byte != 0x0A, "\(what()) holds a line end") }
}
