// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// Session timers (RFC 4028): what is asked for, what is agreed, and the end of a session that nobody refreshes.
extension AgentShard {
    /// The header lines by which a first INVITE offers what the plan wants.
    func writeExtensions(_ handle: SlabHandle, _ plan: EndpointPlan) {
        let isReliable = plan.reliableProvisionals != .off
        guard isReliable || plan.sessionTimer != nil else { return }
        layer.writer.header(
            .supported,
            isReliable ? (plan.sessionTimer == nil ? "100rel" : "100rel, timer") : "timer")
        if plan.reliableProvisionals == .required { layer.writer.header(.require, "100rel") }
        guard let timer = plan.sessionTimer else { return }
        let minimum = max(timer.minimum, calls[handle]!.extras?.minimum ?? 0)
        layer.writer.beginHeader(.sessionExpires)
        layer.writer.output.append(decimal: UInt64(max(timer.seconds, minimum)))
        switch timer.refresher {
        case .local: layer.writer.output.append(";refresher=uac")
        case .peer: layer.writer.output.append(";refresher=uas")
        case .automatic: break
        }
        layer.writer.endLine()
        layer.writer.header(.minSE, decimal: UInt64(minimum))
    }

    /// The header lines of a re-INVITE or UPDATE; empty when the session has no timer.
    func timerLines(_ handle: SlabHandle) -> [UInt8] {
        guard let extras = calls[handle]!.extras, extras.interval > 0 else { return [] }
        var lines = MessageWriter(capacity: 96)
        lines.header(.supported, "timer")
        writeInterval(extras.interval, refresher: extras.refreshes ? .client : .server, to: &lines)
        if extras.minimum > 0 { lines.header(.minSE, decimal: UInt64(extras.minimum)) }
        return lines.bytes
    }

    private func writeInterval(_ seconds: UInt32, refresher: SessionExpires.Refresher, to lines: inout MessageWriter) {
        lines.beginHeader(.sessionExpires)
        lines.output.append(decimal: UInt64(seconds))
        lines.output.append(refresher == .client ? ";refresher=uac" : ";refresher=uas")
        lines.endLine()
    }

    // MARK: As the sender of the request

    /// A 2xx to our INVITE, re-INVITE or UPDATE came: its Session-Expires is what was agreed (RFC 4028 §7.2).
    func followTimer(_ handle: SlabHandle, _ response: Message, now: Instant) {
        let isFirst = calls[handle]!.extras?.interval ?? 0 == 0
        guard let agreed = response.sessionExpires else {
            guard let extras = calls[handle]!.extras else { return }
            extras.timer = .off
            extras.interval = 0
            return scheduleExtras(handle)
        }
        let extras = extras(handle)
        // No interval is shorter than RFC 4028 §5 allows, or a peer could make us send without end.
        extras.interval = max(agreed.seconds, SessionTimer.shortest)
        extras.refreshes = agreed.refresher != .server
        if isFirst { extras.peerAllowsUpdate = response.lists(.allow, "update") }
        extras.timer.start(seconds: extras.interval, refreshes: extras.refreshes, now: now)
        scheduleExtras(handle)
    }

    /// A 422 to the first INVITE: true when it is to be sent again with a longer interval (RFC 4028 §7.3).
    func lengthensInterval(_ handle: SlabHandle, _ response: Message) -> Bool {
        guard endpoints[calls[handle]!.slot].plan.sessionTimer != nil,
            let minimum = response.minimumSessionExpires
        else { return false }
        let extras = extras(handle)
        // Each refusal must ask for more, and a proxy after the first may; more of them is a circle.
        guard minimum > extras.minimum, extras.lengthenings < CallExtras.lengtheningLimit else { return false }
        extras.lengthenings += 1
        extras.minimum = minimum
        return true
    }

    // MARK: As its receiver

    /// Whether a request asks for a shorter interval than is accepted; it was answered with 422 then (RFC 4028 §9).
    func refusesInterval(_ request: Message, _ id: ServerTransactionID, _ handle: SlabHandle?, now: Instant) -> Bool {
        guard let asked = request.sessionExpires else { return false }
        let plan = handle.flatMap { calls[$0] }.map { endpoints[$0.slot].plan }
        return refusesInterval(asked, request, id, toTag: nil, plan: plan, now: now)
    }

    /// The same for an INVITE outside a dialog.
    func refusesInterval(
        _ asked: SessionExpires, _ request: Message, _ id: ServerTransactionID, toTag: [UInt8]?, plan: EndpointPlan?,
        now: Instant
    ) -> Bool {
        let minimum = plan?.sessionTimer?.minimum ?? SessionTimer.shortest
        // A sender that knows no timers cannot understand a 422: a proxy asked for it.
        guard asked.seconds < minimum, request.knowsTimers,
            let start = layer.beginResponse(id, status: 422, toTag: toTag)
        else { return false }
        layer.writer.header(.minSE, decimal: UInt64(minimum))
        layer.writer.finish()
        layer.respond(id, status: 422, from: start, now: now)
        return true
    }

    /// Agrees on a timer with the sender of an INVITE, re-INVITE or UPDATE: starts it and gives the 2xx's header lines (RFC 4028 §9).
    func agreeOnTimer(_ handle: SlabHandle, _ request: Message, now: Instant) -> [UInt8] {
        let plan = endpoints[calls[handle]!.slot].plan.sessionTimer
        let asked = request.sessionExpires
        let present = calls[handle]!.extras?.interval ?? 0
        guard asked != nil || present > 0 || plan != nil else { return [] }
        let extras = extras(handle)
        let wanted = present > 0 ? present : plan?.seconds ?? SessionTimer.shortest
        let seconds = max(
            asked?.seconds ?? wanted, request.minimumSessionExpires ?? 0, SessionTimer.shortest)
        let refresher: SessionExpires.Refresher
        if !request.knowsTimers {
            refresher = .server
        } else if let wish = asked?.refresher {
            refresher = wish
        } else if present > 0 {
            refresher = extras.refreshes ? .server : .client
        } else {
            refresher = plan?.refresher == .local ? .server : .client
        }
        extras.interval = seconds
        extras.refreshes = refresher == .server
        if present == 0 { extras.peerAllowsUpdate = request.lists(.allow, "update") }
        extras.timer.start(seconds: seconds, refreshes: extras.refreshes, now: now)
        scheduleExtras(handle)
        var lines = MessageWriter(capacity: 96)
        lines.header(.supported, "timer")
        if refresher == .client { lines.header(.require, "timer") }
        writeInterval(seconds, refresher: refresher, to: &lines)
        return lines.bytes
    }

    // MARK: The end

    /// Nobody refreshed the session (RFC 4028 §10).
    func sessionExpired(_ handle: SlabHandle, now: Instant) {
        guard calls[handle]!.state == .established else { return }
        note(handle) { $0.sessionExpired = true }
        calls[handle]!.fail(.timeout)
        perform(calls[handle]!.state.hangUp(), handle, now: now)
    }
}

extension Message {
    /// Whether the sender knows session timers.
    var knowsTimers: Bool { lists(.supported, "timer") || lists(.require, "timer") }
}
