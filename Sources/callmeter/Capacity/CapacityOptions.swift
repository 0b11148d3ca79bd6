// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock
import Domain

/// What `run --find-capacity` may be told.
struct CapacityOptions: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Raise the rate of calls, or of registrations where nobody calls, until the thresholds break, and say how much was carried."
        ))
    var findCapacity = false

    @Option(help: ArgumentHelp("With --find-capacity: the first rate; the test's own unless given.", valueName: "rate"))
    var capacityStart: String?

    @Option(help: ArgumentHelp("With --find-capacity: no higher rate than this is tried.", valueName: "rate"))
    var capacityLimit: String?

    @Option(
        help: ArgumentHelp(
            "With --find-capacity: how long each rate is held; half as long again as a call unless given, at least 10s.",
            valueName: "duration"))
    var capacityHold: String?

    func validate() throws {
        for rate in [capacityStart, capacityLimit] {
            if let rate, Units.rate(rate) == nil { throw ValidationError("'\(rate)' is no rate like 50/s or 30/m") }
        }
        if let capacityHold, (Units.duration(capacityHold) ?? .zero) < .seconds(1) {
            throw ValidationError("'\(capacityHold)' is no duration of a second or more, like 30s or 2m")
        }
        guard findCapacity || (capacityStart ?? capacityLimit ?? capacityHold) == nil else {
            throw ValidationError("--capacity-start, --capacity-limit and --capacity-hold belong to --find-capacity")
        }
    }
}
