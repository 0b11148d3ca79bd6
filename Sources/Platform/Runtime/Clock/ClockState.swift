// SPDX-License-Identifier: Apache-2.0

import CNet

/// Whether the system's clock is kept right by somebody; times of runs on several machines are compared by it.
public enum ClockState: Sendable {
    case synchronised
    case free
    /// The system does not tell, as in some containers.
    case unknown

    /// What the system says now.
    public static var now: ClockState {
        switch callmeter_clock_is_set() {
        case 1: .synchronised
        case 0: .free
        default: .unknown
        }
    }
}
