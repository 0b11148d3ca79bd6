// SPDX-License-Identifier: Apache-2.0

import UserAgent

extension AgentCommand {
    /// The endpoint it is for, nil for all.
    var endpoint: UInt32? {
        switch self {
        case .register(let endpoint, _), .call(let endpoint, _, _), .hangUp(let endpoint), .finish(let endpoint),
            .abandon(let endpoint, _):
            endpoint
        case .finishAll: nil
        }
    }
}
