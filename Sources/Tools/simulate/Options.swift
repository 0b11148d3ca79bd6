// SPDX-License-Identifier: Apache-2.0

/// What the command line asks for.
struct Options {
    var seeds: [UInt64] = []
    var isSmall = false
    var isMillion = false
    var seedCount: Int?
    var firstSeed: UInt64 = 1
    var endpoints: Int?
    var runsTwice = true

    /// Nil when the arguments make no sense.
    init?(_ arguments: ArraySlice<String>) {
        var arguments = arguments
        while let argument = arguments.popFirst() {
            switch argument {
            case "--small": isSmall = true
            case "--million": isMillion = true
            case "--once": runsTwice = false
            case "--seeds":
                guard let count = arguments.popFirst().flatMap({ Int($0) }), count > 0 else { return nil }
                seedCount = count
            case "--from":
                guard let first = arguments.popFirst().flatMap({ UInt64($0) }) else { return nil }
                firstSeed = first
            case "--endpoints":
                guard let count = arguments.popFirst().flatMap({ Int($0) }), (2...4_000_000).contains(count),
                    count % 2 == 0
                else { return nil }
                endpoints = count
            default:
                guard let seed = UInt64(argument) else { return nil }
                seeds.append(seed)
            }
        }
        if isSmall, seeds.isEmpty { return nil }
    }
}

/// What was checked so far.
struct Tally {
    var passed = 0
    var failed = 0

    mutating func check(_ holds: Bool, _ what: String) {
        print("\(holds ? "PASS" : "FAIL") \(what)")
        if holds { passed += 1 } else { failed += 1 }
    }
}

func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

/// Real seconds that something takes.
func time(_ body: () -> Void) -> Double {
    let length = ContinuousClock().measure(body).components
    return Double(length.seconds) + Double(length.attoseconds) / 1e18
}
