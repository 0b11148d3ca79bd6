// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

/// What REGISTER and its answer say of the way between: outbound (RFC 5626) and the address that a NAT gave (RFC 3581).
extension AgentShard {
    /// Whether the server agreed to outbound.
    func isOutbound(_ slot: Int) -> Bool { endpoints[slot].plan.outbound && paths[slot]?.evidence.outbound ?? false }

    /// Whether REGISTER offers outbound.
    func offersOutbound(_ slot: Int) -> Bool {
        endpoints[slot].plan.outbound && !(paths[slot]?.isOutboundRefused ?? false)
    }

    /// The address in Contact: the endpoint's own, or the one that its server sees where the plan says so.
    func contactAddress(_ slot: Int) -> TransportAddress {
        paths.isEmpty ? endpoints[slot].local : paths[slot]?.contactAddress ?? endpoints[slot].local
    }

    /// Writes what REGISTER says of outbound into its Contact.
    func writeOutboundParameters(_ slot: Int) {
        guard offersOutbound(slot) else { return }
        let identity = endpoints[slot].identity
        layer.writer.output.append(
            outbound: InstanceID(
                seed: instanceSeed ^ UInt64(identity.plan.index), name: identity.userPart + identity.plan.domain))
    }

    /// Writes the header lines of REGISTER that belong to the way: Supported, and the removal of a Contact that was replaced.
    func writeRegisterPath(_ slot: Int, isBinding: Bool) {
        if offersOutbound(slot) { layer.writer.header(.supported, "path, outbound") }
        guard isBinding, let replaced = paths[slot]?.replacedContact else { return }
        layer.writer.beginHeader(.contact)
        layer.writer.output.appendContact(endpoints[slot], at: replaced)
        layer.writer.output.append(";expires=0")
        layer.writer.endLine()
    }

    /// A REGISTER was accepted: what the answer says of the way.
    func learnPath(_ slot: Int, _ response: Message, now: Instant) {
        noteService(slot)
        var flowTimer: UInt32?
        if endpoints[slot].plan.outbound {
            flowTimer = response.flowTimer
            let isAgreed = flowTimer != nil || response.lists(.require, "outbound")
            if isAgreed != isOutbound(slot) { paths[slot, default: PathState()].evidence.outbound = isAgreed }
        }
        if let state = paths[slot], state.replacedContact != nil { paths[slot]!.replacedContact = nil }
        if let via = response.topVia { learnAddress(slot, via, response) }
        keepFlow(slot, flowTimer: flowTimer, now: now)
    }

    /// RFC 3581 §4: `received` and `rport` are where the server saw the request come from.
    private func learnAddress(_ slot: Int, _ via: Via, _ response: Message) {
        let local = endpoints[slot].local
        guard via.received != nil || via.rport != nil else { return }
        let seen = TransportAddress(
            ip: via.received.flatMap { response.ip(of: $0) } ?? local.ip, port: via.rport ?? local.port)
        let known = paths[slot]?.publicAddress ?? local
        guard seen != known else { return }
        var state = paths[slot] ?? PathState()
        state.publicAddress = seen
        state.evidence.publicAddress = seen == local ? nil : seen.description
        // A server that sees another address each time would never let it rest.
        if endpoints[slot].plan.natContact, state.contactChanges < PathState.mostContactChanges {
            state.contactChanges += 1
            state.replacedContact = state.contactAddress ?? local
            state.contactAddress = seen
            state.wantsRebinding = true
        }
        paths[slot] = state
    }

    /// Over another flow the server sees another address.
    func forgetPublicAddress(_ slot: Int) {
        guard paths[slot]?.publicAddress != nil else { return }
        paths[slot]!.publicAddress = nil
        paths[slot]!.contactAddress = nil
        paths[slot]!.replacedContact = nil
    }

    /// Whether the Contact changed, so that the endpoint registers again at once; asked once.
    func takeRebinding(_ slot: Int) -> Bool {
        guard !paths.isEmpty, paths[slot]?.wantsRebinding == true else { return false }
        paths[slot]!.wantsRebinding = false
        return true
    }

    /// 439: the first hop does not do outbound; without it the registration may go (RFC 5626 §4.2.1). False when it was without.
    func doWithoutOutbound(_ slot: Int) -> Bool {
        guard offersOutbound(slot) else { return false }
        paths[slot, default: PathState()].isOutboundRefused = true
        return true
    }
}
