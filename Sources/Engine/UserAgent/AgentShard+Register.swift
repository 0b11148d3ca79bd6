// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP

extension AgentShard {
    /// What a REGISTER is for.
    enum RegisterPurpose {
        /// Make or refresh the binding.
        case bind
        /// Remove it (RFC 3261 §10.2.2).
        case unbind
        /// Remove the one that an earlier run left behind (D5).
        case clear
    }

    /// Writes and sends a REGISTER.
    func sendRegister(_ slot: Int, _ purpose: RegisterPurpose, now: Instant) {
        let id = layer.openRequest()
        let start = layer.writer.output.count
        let sequence = endpoints[slot].registration.nextSequence()
        let redirection = endpoints[slot].registration.redirection
        let uri = redirection?.uri ?? endpoints[slot].identity.registrarURI
        let expires = purpose == .bind ? endpoints[slot].registration.expires : 0
        writeRegister(slot, uri: uri, branch: layer.branch(of: id), sequence: sequence)
        if purpose == .clear, let contact = endpoints[slot].plan.staleContact {
            layer.writer.header(.contact, bytes: contact)
        } else {
            writeRegisterContact(slot, expires: expires)
            writeRegisterPath(slot, isBinding: purpose == .bind)
        }
        writeUserAgent(slot)
        writeExtraHeaders(slot)
        var places = endpoints[slot].registration.authentication.places
        while let place = places.first {
            places.remove(place)
            guard let use = endpoints[slot].registration.use(place) else { continue }
            writeCredentials(use, at: place, slot, .register, uri: uri, body: [])
            endpoints[slot].evidence.credentialsSent = true
        }
        if endpoints[slot].plan.contact?.carriesExpires != true || purpose == .clear {
            layer.writer.header(.expires, decimal: UInt64(expires))
        }
        layer.writer.finish()

        switch purpose {
        case .clear:
            endpoints[slot].registration.beginClearing(id)
        case .unbind:
            endpoints[slot].registration.beginUnregistering(id)
        case .bind:
            endpoints[slot].registration.sent(id)
            endpoints[slot].evidence.attempts &+= 1
            if endpoints[slot].evidence.sentAt == nil {
                endpoints[slot].evidence.sentAt = elapsed(now)
                tallies[endpoints[slot].group].registrationsStarted += 1
            }
            if endpoints[slot].evidence.registeredAt == nil { endpoints[slot].evidence.lastSentAt = elapsed(now) }
        }
        send(
            id, .register, from: start, owner: .registration(slot: slot), slot, destination: redirection?.address,
            now: now)
    }

    private func writeRegister(_ slot: Int, uri: [UInt8], branch: Branch, sequence: UInt32) {
        let identity = endpoints[slot].identity
        layer.writer.requestLine(.register, uri: uri)
        layer.writer.via(endpoints[slot].transport, sentBy: endpoints[slot].local, branch: branch)
        layer.writer.header(.maxForwards, decimal: MessageWriter.maxForwards)
        layer.writer.beginHeader(.from)
        layer.writer.output.appendAddressOfRecord(identity)
        layer.writer.output.append(";tag=")
        layer.writer.output.append(hex: endpoints[slot].registration.tag, digits: 16)
        layer.writer.endLine()
        layer.writer.beginHeader(.to)
        layer.writer.output.appendAddressOfRecord(identity)
        layer.writer.endLine()
        layer.writer.callID(endpoints[slot].registration.callID)
        layer.writer.cSeq(sequence, .register)
    }

    /// Writes the Contact of a REGISTER with the parameters that the plan gives it.
    private func writeRegisterContact(_ slot: Int, expires: UInt32) {
        layer.writer.beginHeader(.contact)
        layer.writer.output.appendContact(endpoints[slot], at: contactAddress(slot))
        writeOutboundParameters(slot)
        if let style = endpoints[slot].plan.contact { writeStyle(style, expires: expires) }
        layer.writer.endLine()
    }

    private func writeStyle(_ style: ContactStyle, expires: UInt32) {
        layer.writer.output.append(style.parameters)
        if let q = style.q {
            let thousandths = UInt64(min(q, 1000))
            layer.writer.output.append(thousandths == 1000 ? ";q=1.0" : ";q=0.")
            if thousandths < 1000 {
                for weight: UInt64 in [100, 10, 1] {
                    layer.writer.output.append(0x30 + UInt8(thousandths / weight % 10))
                }
            }
        }
        if style.carriesExpires {
            layer.writer.output.append(";expires=")
            layer.writer.output.append(decimal: UInt64(expires))
        }
    }

    func writeContact(_ slot: Int) {
        layer.writer.beginHeader(.contact)
        layer.writer.output.appendContact(endpoints[slot], at: contactAddress(slot), isOutbound: isOutbound(slot))
        layer.writer.endLine()
    }

    func writeUserAgent(_ slot: Int) {
        let name = endpoints[slot].identity.plan.userAgent ?? configuration.userAgent
        if !name.isEmpty { layer.writer.header(.userAgent, bytes: name) }
    }

    /// The lines that only this endpoint's plan asks for (F7).
    func writeExtraHeaders(_ slot: Int) {
        let lines = endpoints[slot].identity.plan.extraHeaders
        if !lines.isEmpty { layer.writer.output.append(lines) }
    }
}

extension ByteWriter {
    /// Appends an endpoint's Contact.
    /// - Parameter isOutbound: requests in the dialog are to come over the same flow (RFC 5626 §4.3).
    mutating func appendContact(_ endpoint: Endpoint, at address: TransportAddress, isOutbound: Bool = false) {
        append("<sip:")
        append(endpoint.identity.contactUser)
        append(0x40)
        append(address: address)
        if endpoint.transport != .udp {
            append(";transport=")
            append(endpoint.transport.parameterName)
        }
        if isOutbound { append(";ob") }
        append(0x3E)
    }

    /// Appends the name-addr of an endpoint's address-of-record.
    mutating func appendAddressOfRecord(_ identity: EndpointIdentity) {
        if let name = identity.plan.displayName {
            append(0x22)
            for byte in name {
                if byte == 0x22 || byte == 0x5C { append(0x5C) }
                append(byte)
            }
            append("\" ")
        }
        append("<sip:")
        append(identity.userPart)
        append(0x40)
        append(identity.plan.domain)
        append(0x3E)
    }
}

extension MessageWriter {
    /// Writes a Call-ID of 128 bits of chance.
    mutating func callID(_ value: (UInt64, UInt64)) {
        beginHeader(.callID)
        output.append(hex: value.0, digits: 16)
        output.append(hex: value.1, digits: 16)
        endLine()
    }
}
