// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// How a test keeps the way to a registrar open.
public enum KeepAliveChoice: Hashable, Sendable {
    /// Shorter ones would be load of their own, longer ones keep nothing open.
    public static let allowed: ClosedRange<Interval> = .seconds(1) ... .seconds(3600)

    /// As the transport wants it: CRLF on connections, STUN on UDP where outbound was agreed, else nothing.
    case automatic
    /// Nothing.
    case off
    /// OPTIONS every 30 s.
    case options
    /// CRLF at least so often; on UDP STUN where outbound was agreed.
    case every(Interval)

    /// Reads `automatic`, `off`, `options` or a duration.
    init?(_ text: String) {
        switch text {
        case "automatic": self = .automatic
        case "off": self = .off
        case "options": self = .options
        default:
            guard let interval = Units.duration(text), Self.allowed.contains(interval) else { return nil }
            self = .every(interval)
        }
    }

    /// The choice as `init` reads it.
    var text: String {
        switch self {
        case .automatic: "automatic"
        case .off: "off"
        case .options: "options"
        case .every(let interval): Units.text(interval)
        }
    }
}

extension DocumentReader {
    mutating func keepAlive(_ node: DocumentNode?, _ path: String) -> KeepAliveChoice {
        guard let node else { return .automatic }
        guard case .scalar(let text, _) = node, let choice = KeepAliveChoice(text) else {
            report(node, path, "automatic, off, options or a duration from 1s to 1h is expected")
            return .automatic
        }
        return choice
    }
}
