// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// A request that is too large for UDP and waits for its connection.
struct LargeRequest: Sendable {
    var id: ClientTransactionID
    var method: Method
    var owner: Owner
    var bytes: [UInt8]
}

/// The connection for an endpoint's large requests.
struct LargeRequestFlow: Sendable {
    /// Nil as long as the driver has not said.
    var flow: FlowID?
    let destination: TransportAddress
    var isOpen = false
    var waiting: [LargeRequest] = []
}

/// Requests that UDP would cut in pieces go over TCP, and over UDP all the same where TCP is refused (RFC 3261 §18.1.1).
extension AgentShard {
    /// The largest request that goes over UDP when the path's MTU is not known.
    static let largestDatagram = 1300

    /// Whether a request would leave before an earlier one of its call, which waits for its connection: the peer would find
    /// the numbers of the dialog out of order (RFC 3261 §12.2.2).
    func overtakesLarge(_ owner: Owner, _ slot: Int) -> Bool {
        guard !paths.isEmpty, let side = paths[slot]?.side, !side.isOpen, let call = owner.call else { return false }
        return side.waiting.contains { $0.owner.call == call }
    }

    /// Takes a request that was written from `start` on over to TCP; false when it is to go as it is.
    func divertLarge(
        _ id: ClientTransactionID, _ method: Method, from start: Int, owner: Owner, _ slot: Int,
        destination: TransportAddress, now: Instant
    ) -> Bool {
        guard endpoints[slot].transport == .udp, endpoints[slot].path == .open,
            paths[slot]?.evidence.largeRequests != .fellBackToUDP
        else { return false }
        if let side = paths[slot]?.side, side.destination != destination { return false }
        let request = LargeRequest(
            id: id, method: method, owner: owner, bytes: layer.writer.output.copy(from: start))
        layer.writer.output.truncate(to: start)
        var state = paths[slot] ?? PathState()
        let isNew = state.side == nil
        if isNew { state.side = LargeRequestFlow(destination: destination) }
        let isOpen = state.side?.isOpen ?? false
        if !isOpen { state.side?.waiting.append(request) }
        paths[slot] = state
        if isOpen { sendLarge(request, slot, now: now) }
        if isNew { ask(.largeRequests, ServerTarget(address: destination, transport: .tcp), slot) }
        return true
    }

    /// The connection for large requests is open.
    func sideOpened(_ slot: Int, _ flow: FlowID, now: Instant) {
        guard paths[slot]?.side?.flow == flow else { return }
        let waiting = paths[slot]!.side!.waiting
        paths[slot]!.side!.isOpen = true
        paths[slot]!.side!.waiting = []
        for request in waiting { sendLarge(request, slot, now: now) }
    }

    /// The connection for large requests was refused, or is gone.
    func sideFailed(_ slot: Int, _ flow: FlowID, now: Instant) {
        guard let side = paths[slot]?.side, side.flow == flow else { return }
        paths[slot]!.side = nil
        guard !side.isOpen else { return }
        paths[slot]!.evidence.largeRequests = .fellBackToUDP
        for request in side.waiting where layer.isOpen(request.id) {
            let start = layer.writer.output.count
            layer.writer.output.append(request.bytes)
            layer.subject = subject(slot)
            layer.send(
                request.id, method: request.method, from: start, owner: request.owner.raw, flow: endpoints[slot].flow,
                destination: side.destination, isReliable: false, now: now)
        }
    }

    /// Sends a request over the connection, whose transport its Via must name.
    private func sendLarge(_ request: LargeRequest, _ slot: Int, now: Instant) {
        guard let side = paths[slot]?.side, let flow = side.flow, layer.isOpen(request.id) else { return }
        paths[slot]!.evidence.largeRequests = .sentByTCP
        let start = layer.writer.output.count
        layer.writer.output.append(request.bytes)
        if let place = Self.viaTransport(request.bytes) {
            for (offset, byte) in [UInt8(ascii: "T"), UInt8(ascii: "C"), UInt8(ascii: "P")].enumerated() {
                layer.writer.output.replace(at: start + place + offset, with: byte)
            }
        }
        layer.subject = subject(slot)
        layer.send(
            request.id, method: request.method, from: start, owner: request.owner.raw, flow: flow,
            destination: side.destination, isReliable: true, now: now)
    }

    /// Where the topmost Via of a request of ours names UDP.
    private static func viaTransport(_ bytes: [UInt8]) -> Int? {
        let text = Array("\r\nVia: SIP/2.0/UDP ".utf8)
        guard let line = bytes.firstIndex(of: 0x0D), bytes.count >= line + text.count,
            bytes[line..<line + text.count].elementsEqual(text)
        else { return nil }
        return line + text.count - 4
    }
}
