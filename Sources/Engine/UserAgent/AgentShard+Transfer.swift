// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Media
import RunMetrics
import SIP

/// Blind transfer (RFC 3515, RFC 5589): REFER sent and received, and the NOTIFYs of its subscription. A REFER whose target carries
/// headers (Replaces, an attended transfer) is refused.
extension AgentShard {
    // MARK: Sending REFER

    /// Asks the peer of an endpoint's call to call somebody else.
    func transfer(_ slot: Int, to target: [UInt8], now: Instant) {
        guard let handle = endpoints[slot].call, calls[handle]?.state == .established,
            target.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3C && $0 != 0x3E })
        else { return }
        let extras = extras(handle)
        guard extras.transfer == .idle else { return }
        extras.transfer = .requested
        var lines = MessageWriter(capacity: 192)
        lines.beginHeader(.referTo)
        lines.output.append(0x3C)
        lines.output.append(target)
        lines.output.append(">\r\n")
        lines.beginHeader(.referredBy)
        lines.output.appendAddressOfRecord(endpoints[slot].identity)
        lines.endLine()
        sendRequest(handle, .refer, .transfer, lines: lines.bytes, now: now)
    }

    /// The final response to our REFER: from 200 on NOTIFYs say how it goes.
    func transferAnswered(_ handle: SlabHandle, status: UInt16) {
        guard status >= 300, let extras = calls[handle]!.extras, extras.transfer == .requested else { return }
        extras.transfer = .idle
        note(handle) { $0.transferStatus = status }
    }

    /// NOTIFY within a dialog: only ever about our REFER.
    func receiveNotify(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        guard request.isAboutRefer else { return refuseRequest(id, status: 489, now: now) }
        guard let extras = calls[handle]!.extras, extras.transfer == .requested else {
            return refuseRequest(id, status: 481, now: now)
        }
        layer.respond(id, status: 200, toTag: nil, now: now)
        guard let status = request.fragmentStatus, status >= 200 else { return }
        extras.transfer = .idle
        note(handle) { $0.transferStatus = status }
        // The peer talks to somebody else now: this call has done what it was for.
        if status < 300 { perform(calls[handle]!.state.hangUp(), handle, now: now) }
    }

    // MARK: Receiving REFER

    /// REFER within a call's dialog: followed with a call of our own where the plan permits.
    func receiveRefer(_ id: ServerTransactionID, _ request: Message, _ handle: SlabHandle, now: Instant) {
        let slot = calls[handle]!.slot
        guard request.elementCount(.referTo) == 1, let reference = request.first(.referTo),
            let address = request.nameAddress(reference), let uri = request.uri(address.uri)
        else { return refuseRequest(id, status: 400, now: now) }
        guard calls[handle]!.state == .established, endpoints[slot].stage == .active,
            endpoints[slot].call == handle, endpoints[slot].referringCall == nil,
            calls[handle]!.extras?.transfer ?? .idle == .idle,
            let target = permittedTarget(uri, address.uri, of: request, plan: endpoints[slot].plan)
        else {
            note(handle) { $0.transferStatus = 603 }
            return refuseRequest(id, status: 603, now: now)
        }
        guard let start = layer.beginResponse(id, status: 202, toTag: nil) else { return }
        writeContact(slot)
        layer.writer.finish()
        layer.respond(id, status: 202, from: start, now: now)
        notify(handle, status: 100, isLast: false, now: now)
        follow(handle, slot, target: target, now: now)
    }

    /// The URI to call for a REFER; nil when the plan does not permit it.
    private func permittedTarget(
        _ uri: SIPURI, _ place: Slice, of request: Message, plan: EndpointPlan
    ) -> [UInt8]? {
        guard case .allBut(let refused) = plan.acceptsTransfers, uri.scheme == .sip, uri.headers.isEmpty,
            let user = uri.user, request.parameter("method", in: uri.parameters) == nil
        else { return nil }
        let bare = request.bytes(of: user).prefix { $0 != 0x3B }.filter { !"-.() ".utf8.contains($0) }
        // An escaped digit would pass the comparison and still be dialled.
        guard !bare.contains(UInt8(ascii: "%")), !refused.contains(bare) else { return nil }
        return Array(request.bytes(of: place))
    }

    /// Lets the call that asks for the transfer wait, its stream closed, and places the one that it asks for.
    private func follow(_ handle: SlabHandle, _ slot: Int, target: [UInt8], now: Instant) {
        if calls[handle]!.stream == .open {
            calls[handle]!.stream = .closing
            outputs.append(.closeMedia(stream: endpoints[slot].plan.stream))
        }
        endpoints[slot].referringCall = handle
        endpoints[slot].call = nil
        let made = insertCall(slot, target: .uri(target), at: now)
        extras(handle).transfer = .following(made)
        extras(made).transfer = .referred(by: handle)
        startCall(made, at: now, now: now)
    }

    /// The call made for a REFER was answered or failed: tells the one that asked (RFC 3515 §2.4.5).
    func reportTransfer(_ handle: SlabHandle, status: UInt16, now: Instant) {
        guard let extras = calls[handle]?.extras, case .referred(let asking) = extras.transfer else { return }
        extras.transfer = .reported
        note(handle) { $0.transferStatus = status }
        guard calls.contains(asking), let other = calls[asking]!.extras, other.transfer == .following(handle) else {
            return
        }
        other.transfer = .reported
        note(asking) { $0.transferStatus = status }
        if calls[asking]!.state == .established { notify(asking, status: status, isLast: true, now: now) }
    }

    /// The call made for a REFER is over: the one that asked for it is the endpoint's call again, with its audio if it is still up.
    func returnToReferringCall(_ slot: Int, now: Instant) {
        guard endpoints[slot].call == nil, let handle = endpoints[slot].referringCall else { return }
        endpoints[slot].referringCall = nil
        guard calls.contains(handle) else { return }
        endpoints[slot].call = handle
        guard calls[handle]!.state == .established, calls[handle]!.stream == .none,
            let extras = calls[handle]!.extras, let audio = calls[handle]!.agreed
        else { return }
        extras.transfer = .idle
        openMedia(handle, audio)
    }

    private func notify(_ handle: SlabHandle, status: UInt16, isLast: Bool, now: Instant) {
        var lines = MessageWriter(capacity: 96)
        lines.header(.event, "refer")
        lines.header(.subscriptionState, isLast ? "terminated;reason=noresource" : "active;expires=180")
        var body = MessageWriter(capacity: 48)
        body.statusLine(status)
        sendRequest(
            handle, .notify, .notification(isLast: isLast), lines: lines.bytes, body: body.bytes, now: now)
    }
}

extension Message {
    /// Whether a NOTIFY is one of the subscription that a REFER makes (RFC 3515 §2.4.4).
    fileprivate var isAboutRefer: Bool {
        guard let event = first(.event) else { return false }
        return String(decoding: bytes(of: event).prefix { $0 != 0x3B && $0 != 0x20 }, as: UTF8.self).lowercased()
            == "refer"
    }
}
