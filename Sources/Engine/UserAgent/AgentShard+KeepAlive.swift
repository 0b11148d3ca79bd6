// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import RunMetrics
public import SIP

/// Keeping flows open: one timer per flow, however many endpoints share it.
extension AgentShard {
    // MARK: Beginning and end

    /// The endpoint is registered over its flow, which is kept open from now on.
    ///
    /// - Parameter flowTimer: what the server asks for, in seconds (RFC 5626 §4.4).
    func keepFlow(_ slot: Int, flowTimer: UInt32?, now: Instant) {
        let endpoint = endpoints[slot]
        guard endpoint.stage == .active, !endpoint.keepsFlow, let kind = keeperKind(slot) else { return }
        endpoints[slot].keepsFlow = true
        if keepers[endpoint.flow] == nil {
            keepers[endpoint.flow] = Keeper(
                kind: kind, pause: pause(slot, kind, flowTimer: flowTimer),
                isAnswered: kind != .crlf || (endpoint.transport.isReliable && isOutbound(slot)), slot: slot,
                destination: endpoint.server)
            scheduleKeeper(endpoint.flow, now: now)
        }
        keepers[endpoint.flow]!.users += 1
    }

    /// The endpoint leaves its flow, or is done.
    func releaseFlow(_ slot: Int) {
        guard endpoints[slot].keepsFlow else { return }
        endpoints[slot].keepsFlow = false
        let flow = endpoints[slot].flow
        guard keepers[flow] != nil else { return }
        keepers[flow]!.users -= 1
        guard keepers[flow]!.users > 0 else { return dropKeeper(flow) }
        if keepers[flow]!.slot == slot, let other = flows.slots(of: flow).first(where: { endpoints[$0].keepsFlow }) {
            keepers[flow]!.slot = other
        }
    }

    /// Ends what keeps a flow open.
    func dropKeeper(_ flow: FlowID) {
        guard let keeper = keepers.removeValue(forKey: flow) else { return }
        if let timer = keeper.timer { timers.cancel(timer) }
        if case .options(let id) = keeper.awaited { layer.abandon(id) }
    }

    private func keeperKind(_ slot: Int) -> Keeper.Kind? {
        let plan = endpoints[slot].plan
        switch (endpoints[slot].transport, plan.keepAlive) {
        case (_, .off), (.ws, _), (.wss, _), (.other, _): return nil
        case (_, .options): return .options
        case (.udp, .automatic): return isOutbound(slot) ? .stun : nil
        case (.udp, .crlf): return isOutbound(slot) ? .stun : .crlf
        case (.tcp, _), (.tls, _): return .crlf
        }
    }

    /// RFC 5626 §4.4: 80 to 100 % of what the server or the plan says; else 95 to 120 s on streams and 24 to 29 s on UDP.
    private func pause(_ slot: Int, _ kind: Keeper.Kind, flowTimer: UInt32?) -> ClosedRange<Interval> {
        func upTo(_ longest: Interval) -> ClosedRange<Interval> {
            Interval(nanoseconds: longest.nanoseconds / 5 * 4)...longest
        }
        if let flowTimer, flowTimer > 0 { return upTo(.seconds(Int(min(flowTimer, 86_400)))) }
        switch endpoints[slot].plan.keepAlive {
        case .crlf(let interval) where kind == .crlf, .options(let interval): return upTo(max(interval, .seconds(1)))
        case .automatic, .off, .crlf:
            return kind == .stun ? .seconds(24) ... .seconds(29) : .seconds(95) ... .seconds(120)
        }
    }

    // MARK: Time

    private func scheduleKeeper(_ flow: FlowID, now: Instant) {
        guard let pause = keepers[flow]?.pause else { return }
        let span = (pause.upperBound - pause.lowerBound).nanoseconds
        awaitKeeper(
            .time, flow, at: now + pause.lowerBound + Interval(nanoseconds: Int64(Double(span) * random.unit())))
    }

    private func awaitKeeper(_ awaited: Keeper.Awaited, _ flow: FlowID, at deadline: Instant?) {
        if let timer = keepers[flow]?.timer { timers.cancel(timer) }
        keepers[flow]?.awaited = awaited
        keepers[flow]?.timer = deadline.map { timers.schedule(.keepAlive(flow), at: $0) }
    }

    func keepAliveIsDue(_ flow: FlowID, now: Instant) {
        guard let keeper = keepers[flow] else { return }
        keepers[flow]!.timer = nil
        switch keeper.awaited {
        case .time:
            sendKeepAlive(keeper, flow, now: now)
        case .binding(let transaction, let sendings) where sendings < Keeper.bindingSendings:
            sendBinding(transaction, sendings: sendings + 1, keeper, flow, now: now)
        case .binding, .pong:
            flowIsDead(flow, now: now)
        case .options:
            break
        }
    }

    private func sendKeepAlive(_ keeper: Keeper, _ flow: FlowID, now: Instant) {
        switch keeper.kind {
        case .crlf:
            let start = layer.writer.output.count
            layer.writer.output.append("\r\n\r\n")
            transmitKeepAlive(from: start, keeper, flow)
            keeper.isAnswered
                ? awaitKeeper(.pong, flow, at: now + Keeper.pongLimit) : scheduleKeeper(flow, now: now)
        case .stun:
            sendBinding(STUNTransaction(random: &random), sendings: 1, keeper, flow, now: now)
        case .options:
            sendOptions(keeper, flow, now: now)
        }
    }

    private func sendBinding(
        _ transaction: STUNTransaction, sendings: Int, _ keeper: Keeper, _ flow: FlowID, now: Instant
    ) {
        let start = layer.writer.output.count
        layer.writer.output.append(STUNMessage(.request, transaction))
        transmitKeepAlive(from: start, keeper, flow)
        awaitKeeper(
            .binding(transaction, sendings: sendings), flow, at: now + Keeper.bindingWait(after: sendings))
    }

    /// Sends bytes that are no message and are not counted as one.
    private func transmitKeepAlive(from start: Int, _ keeper: Keeper, _ flow: FlowID) {
        layer.subject = .none
        layer.transmit(from: start, flow: flow, destination: keeper.destination)
        keepAlivesWaiting += 1
    }

    private func sendOptions(_ keeper: Keeper, _ flow: FlowID, now: Instant) {
        let endpoint = endpoints[keeper.slot]
        let id = layer.openRequest()
        let start = layer.writer.output.count
        layer.writer.requestLine(.options, uri: endpoint.identity.registrarURI)
        layer.writer.via(endpoint.transport, sentBy: endpoint.local, branch: layer.branch(of: id))
        layer.writer.header(.maxForwards, decimal: MessageWriter.maxForwards)
        layer.writer.beginHeader(.from)
        layer.writer.output.appendAddressOfRecord(endpoint.identity)
        layer.writer.output.append(";tag=")
        layer.writer.output.append(hex: random.next(), digits: 16)
        layer.writer.endLine()
        layer.writer.beginHeader(.to)
        layer.writer.output.append(0x3C)
        layer.writer.output.append(endpoint.identity.registrarURI)
        layer.writer.output.append(0x3E)
        layer.writer.endLine()
        layer.writer.callID((random.next(), random.next()))
        layer.writer.cSeq(1, .options)
        writeContact(keeper.slot)
        writeUserAgent(keeper.slot)
        layer.writer.finish()
        awaitKeeper(.options(id), flow, at: nil)
        send(id, .options, from: start, owner: .keepAlive(flow), keeper.slot, now: now)
    }

    // MARK: Answers

    /// The peer answered the keep-alive of a connection (RFC 5626 §4.4.1).
    public func pongReceived(_ flow: FlowID, now: Instant) {
        if keepers[flow]?.awaited == .pong { scheduleKeeper(flow, now: now) }
    }

    /// OPTIONS was answered; with what does not matter.
    func optionsAnswered(_ flow: FlowID, _ id: ClientTransactionID, status: UInt16, now: Instant) {
        if status >= 200, keepers[flow]?.awaited == .options(id) { scheduleKeeper(flow, now: now) }
    }

    /// OPTIONS got no answer.
    func optionsUnanswered(_ flow: FlowID, _ id: ClientTransactionID, now: Instant) {
        if keepers[flow]?.awaited == .options(id) { flowIsDead(flow, now: now) }
    }

    /// A datagram that may be the answer to a Binding request.
    func receiveBinding(_ bytes: UnsafeRawBufferPointer, flow: FlowID, now: Instant) {
        guard let message = STUNMessage(bytes), message.kind != .request,
            case .binding(let transaction, _)? = keepers[flow]?.awaited, message.transaction == transaction
        else { return }
        let before = keepers[flow]!.mapped
        keepers[flow]!.mapped = message.mappedAddress ?? before
        scheduleKeeper(flow, now: now)
        // RFC 5626 §4.4.2: another address means that the NAT forgot the flow, and with it the way to the endpoints.
        if let before, let address = message.mappedAddress, before != address { rebindAll(on: flow, now: now) }
    }

    // MARK: Dead flows

    private func flowIsDead(_ flow: FlowID, now: Instant) {
        guard let keeper = keepers[flow] else { return }
        guard endpoints[keeper.slot].transport.isReliable else {
            scheduleKeeper(flow, now: now)
            return rebindAll(on: flow, now: now)
        }
        outputs.append(.closeFlow(flow))
        flowFailed(flow, fault: .silence, now: now)
    }

    /// Registers the endpoints of a socket again, spread over the time that one of them may take.
    private func rebindAll(on flow: FlowID, now: Instant) {
        let members = flows.slots(of: flow).filter { endpoints[$0].keepsFlow && endpoints[$0].flow == flow }
        for (place, slot) in members.enumerated() {
            guard endpoints[slot].stage == .active, case .registered = endpoints[slot].registration.state else {
                continue
            }
            if let timer = endpoints[slot].registration.timer { timers.cancel(timer) }
            let spread = Double(place) / Double(members.count) * 4_000
            endpoints[slot].registration.timer = timers.schedule(
                .registration(slot: slot), at: now + .milliseconds(Int(spread)))
        }
    }
}
