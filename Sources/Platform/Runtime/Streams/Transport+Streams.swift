// SPDX-License-Identifier: Apache-2.0

import SIP

extension Transport {
    /// Whether messages travel as WebSocket messages (RFC 7118), one in each.
    var isWebSocket: Bool { self == .ws || self == .wss }
}
