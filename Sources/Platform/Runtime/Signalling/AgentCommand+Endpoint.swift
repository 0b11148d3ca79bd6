// SPDX-License-Identifier: Apache-2.0

import UserAgent

extension AgentCommand {
    /// The endpoint it is for, nil for all.
    var endpoint: UInt32? {
        switch self {
        case .register(let endpoint, _), .call(let endpoint, _, _), .hangUp(let endpoint), .finish(let endpoint),
            .abandon(let endpoint, _), .hold(let endpoint), .resume(let endpoint), .refreshSession(let endpoint),
            .transfer(let endpoint, _), .sendDigit(let endpoint, _):
            endpoint
        case .finishAll: nil
        }
    }
}
