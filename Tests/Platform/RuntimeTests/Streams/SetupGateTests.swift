// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Runtime

@Suite("Turns of connections that are being set up")
struct SetupGateTests {
    @Test("sixty-four start at once, each that is done lets the next one in, in order")
    func turns() {
        let gate = SetupGate()
        var started: [Int] = []
        for number in 0..<70 { gate.enter { started.append(number) } }
        #expect(started == Array(0..<64))
        gate.leave(isSilent: false)
        #expect(started == Array(0..<65))
        for _ in 0..<5 { gate.leave(isSilent: false) }
        #expect(started == Array(0..<70))
    }

    @Test("where nobody answers the others do not wait any longer")
    func silence() {
        let gate = SetupGate()
        var started = 0
        for _ in 0..<500 { gate.enter { started += 1 } }
        gate.leave(isSilent: true)
        #expect(started == 500)
    }

    @Test("a hundred thousand that fail at once take no stack")
    func failures() {
        let gate = SetupGate()
        var started = 0
        for _ in 0..<64 { gate.enter { started += 1 } }
        for _ in 0..<100_000 {
            gate.enter {
                started += 1
                gate.leave(isSilent: false)
            }
        }
        gate.leave(isSilent: false)
        #expect(started == 100_064)
    }

    @Test("nobody gets a turn after the end")
    func closed() {
        let gate = SetupGate()
        var started = 0
        for _ in 0..<65 { gate.enter { started += 1 } }
        gate.close()
        gate.leave(isSilent: false)
        #expect(started == 64)
    }
}
