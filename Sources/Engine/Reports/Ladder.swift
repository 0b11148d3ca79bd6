// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import RunMetrics
import SIP

/// A trace as a ladder of arrows: the endpoint on the left, the addresses it spoke with on the right, time downward.
///
///                 127.0.0.1:40112                       127.0.0.1:5060
///          0.0 ms        │──────────── REGISTER 1 ────────────→│
///          0.8 ms        │←── 401 Unauthorized (REGISTER 1) ───│
public struct Ladder: Sendable {
    /// Room for the time, right-aligned, and what stands between it and the first line.
    private static let timeWidth = 13
    /// Narrower than this, a label would not fit on an arrow.
    private static let leastSpan = 34
    private static let mostSpan = 60

    private struct Signs {
        var line: Character, right: Character, left: Character, shaft: Character
    }

    private let trace: EndpointTrace
    private let signs: Signs
    private let peers: [TransportAddress]
    private let span: Int
    private let margin: Int

    /// The ladder of a trace in lines of at most `columns` characters.
    ///
    /// Messages that came or went again are marked, session descriptions noted. Of more than `mostMessages`, the first and the last
    /// are shown. Texts of the peer are made safe to show.
    /// - Parameters:
    ///   - isASCII: draws with characters that every terminal has.
    public static func text(
        _ trace: EndpointTrace, columns: Int = 100, isASCII: Bool = false, mostMessages: Int = .max
    ) -> String {
        Ladder(trace, columns: columns, isASCII: isASCII).lines(mostMessages).joined(separator: "\n")
    }

    private init(_ trace: EndpointTrace, columns: Int, isASCII: Bool) {
        self.trace = trace
        signs =
            isASCII
            ? Signs(line: "|", right: ">", left: "<", shaft: "-") : Signs(line: "│", right: "→", left: "←", shaft: "─")
        var peers: [TransportAddress] = []
        for message in trace.messages where !peers.contains(message.remote) { peers.append(message.remote) }
        let longest = (trace.messages.map(\.local) + peers).map { "\($0)".count }.max() ?? 0
        margin = longest / 2
        let room = columns - Self.timeWidth - 2 * margin - 1
        // As many columns as fit; with more peers than that, each arrow names its peer.
        span =
            peers.isEmpty
            ? 0
            : min(Self.mostSpan, max(Self.leastSpan, room / max(1, min(peers.count, max(1, room / Self.leastSpan)))))
        self.peers = peers.count * span <= room || peers.count == 1 ? peers : []
    }

    private func lines(_ most: Int) -> [String] {
        guard let first = trace.messages.first else { return ["no message was sent or received"] }
        var lines = heading(first)
        if trace.isTruncated { lines.append(note("earlier messages were not kept")) }
        var seen: Set<TracedMessage> = []
        var shown: [String] = []
        for message in trace.messages {
            var plain = message
            plain.at = .zero
            let isAgain = !seen.insert(plain).inserted
            shown.append(arrow(message, at: message.at - first.at, isAgain: isAgain))
        }
        guard shown.count > most else { return lines + shown }
        let head = (most + 1) / 2
        let left = shown.count - most
        return lines + shown.prefix(head) + [note("… \(left) message\(left == 1 ? "" : "s") more …")]
            + shown.suffix(most - head)
    }

    private func heading(_ first: TracedMessage) -> [String] {
        guard !peers.isEmpty else { return [] }
        var line = ""
        for (place, address) in ([first.local] + peers).enumerated() {
            let name = "\(address)"
            let start = Self.timeWidth + margin + place * span - name.count / 2
            line += String(repeating: " ", count: max(place == 0 ? 0 : 1, start - line.count)) + name
        }
        return [line]
    }

    private func note(_ text: String) -> String { String(repeating: " ", count: Self.timeWidth + margin + 2) + text }

    private func arrow(_ message: TracedMessage, at time: Interval, isAgain: Bool) -> String {
        let label = Self.label(of: message) + (isAgain ? ", again" : "")
        let clock = Self.clock(time)
        guard let column = peers.firstIndex(of: message.remote) else {
            return clock + "  \(message.isSent ? signs.right : signs.left)  \(message.remote)  \(label)"
        }
        let length = (column + 1) * span - 1
        // The label is cut rather than the drawing broken.
        let room = max(0, length - 4)
        let text = label.count > room ? String(label.prefix(max(0, room - 1))) + "…" : label
        let rest = length - 1 - text.count - 2
        let before = String(repeating: signs.shaft, count: max(0, rest / 2))
        let after = String(repeating: signs.shaft, count: max(0, rest - rest / 2))
        let drawn =
            message.isSent ? "\(before) \(text) \(after)\(signs.right)" : "\(signs.left)\(before) \(text) \(after)"
        var line =
            clock + String(repeating: " ", count: Self.timeWidth - clock.count + margin) + "\(signs.line)\(drawn)"
        for place in column..<peers.count {
            line += (place == column ? "" : String(repeating: " ", count: span - 1)) + "\(signs.line)"
        }
        return line
    }

    /// Milliseconds with one digit after the point, seconds from ten on.
    private static func clock(_ time: Interval) -> String {
        let isLong = time >= .seconds(10)
        let tenths = time.nanoseconds / (isLong ? 100_000_000 : 100_000)
        let text = "\(tenths / 10).\(abs(tenths % 10)) \(isLong ? "s " : "ms")"
        return String(repeating: " ", count: max(0, timeWidth - 1 - text.count)) + text
    }

    /// What a message is, in a few words.
    static func label(of traced: TracedMessage) -> String {
        guard let message = try? Message.parse(traced.bytes) else {
            let start = String(printable: traced.bytes.prefix { $0 != 0x0D && $0 != 0x0A })
            return traced.length > traced.bytes.count ? String(start) : "not readable: \(start.prefix(40))"
        }
        let number = message.cSeq.map { " \($0.number)" } ?? ""
        let body = message.hasSDP ? ", SDP" : ""
        switch message.startLine {
        case .request: return message.printable(of: message.methodToken) + number + credentials(message) + body
        case .response(let status, let reason):
            let method = message.cSeq.map { "(\(message.printable(of: $0.methodToken))\(number))" } ?? ""
            return ["\(status)", message.printable(of: reason), method].filter { !$0.isEmpty }.joined(separator: " ")
                + body
        }
    }

    private static func credentials(_ message: Message) -> String {
        (message.first(.authorization) ?? message.first(.proxyAuthorization)) == nil ? "" : ", credentials"
    }
}
