// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// What a test says for all groups that do not say it themselves.
struct GroupDefaults {
    var flow = SocketUse.endpoint
    var bind: String?
    var advertise: String?

    init(_ values: [String: DocumentNode], _ reader: inout DocumentReader) {
        if let flow: SocketUse = reader.choice(values["flow"], "flow") { self.flow = flow }
        bind = reader.address(values["bind"], "bind")
        advertise = reader.address(values["advertise"], "advertise")
    }
}

extension GroupDefinition {
    /// Reads where the endpoints' sockets are: shared or own, address, ports.
    mutating func readPlaces(
        _ values: [String: DocumentNode], _ path: String, _ usual: GroupDefaults, _ reader: inout DocumentReader
    ) {
        flow = reader.choice(values["flow"], path + ".flow") ?? usual.flow
        bind = reader.address(values["bind"], path + ".bind") ?? usual.bind
        advertise = reader.address(values["advertise"], path + ".advertise") ?? usual.advertise
        rtpPorts = readPorts(values["rtpPorts"], path + ".rtpPorts", &reader)
    }

    private func readPorts(
        _ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader
    ) -> ClosedRange<UInt16>? {
        guard let node else { return nil }
        guard case .scalar(let text, _) = node, let range = PortRange.read(text) else {
            reader.report(node, path, "a range of ports from 1024 to 65535 like 20000-29999 is expected")
            return nil
        }
        let room = PortRange.pairs(in: range)
        if room < endpoints, callee != .none {
            reader.report(
                node, path,
                "\(text) has room for \(room) endpoints (an even port and the next one each), the group has \(endpoints)"
            )
        }
        return range
    }
}

/// Ranges of UDP ports as a test writes them.
enum PortRange {
    /// Reads `20000-29999`; nil for anything else, and for ports that only root may bind.
    static func read(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16(trim($0)) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first >= 1024, first < last else { return nil }
        return first...last
    }

    /// As `read` takes it.
    static func text(_ range: ClosedRange<UInt16>) -> String { "\(range.lowerBound)-\(range.upperBound)" }

    /// How many pairs of an even port and the next one lie in a range (RFC 3550 §11).
    static func pairs(in range: ClosedRange<UInt16>) -> Int {
        let first = Int(range.lowerBound) + Int(range.lowerBound) % 2
        return max(0, (Int(range.upperBound) - first + 1) / 2)
    }
}
