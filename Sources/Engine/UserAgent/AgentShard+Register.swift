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
        let server = endpoints[slot].registration.nextUse(isProxy: false)
        let proxy = endpoints[slot].registration.nextUse(isProxy: true)
        let expires = purpose == .bind ? endpoints[slot].registration.expires : 0
        writeRegister(slot, branch: layer.branch(of: id), sequence: sequence)
        if purpose == .clear, let contact = endpoints[slot].plan.staleContact {
            layer.writer.header(.contact, bytes: contact)
        } else {
            writeContact(slot)
        }
        writeUserAgent()
        if let server { writeCredentials(.authorization, server, slot, .register) }
        if let proxy { writeCredentials(.proxyAuthorization, proxy, slot, .register) }
        layer.writer.header(.expires, decimal: UInt64(expires))
        layer.writer.finish()

        if server != nil || proxy != nil { endpoints[slot].evidence.credentialsSent = true }
        switch purpose {
        case .clear:
            endpoints[slot].registration.beginClearing(id)
        case .unbind:
            endpoints[slot].registration.beginUnregistering(id)
        case .bind:
            endpoints[slot].registration.sent(id)
            endpoints[slot].evidence.attempts &+= 1
            if endpoints[slot].evidence.sentAt == nil { endpoints[slot].evidence.sentAt = elapsed(now) }
        }
        send(id, .register, from: start, owner: .registration(slot: slot), slot, now: now)
    }

    private func writeRegister(_ slot: Int, branch: Branch, sequence: UInt32) {
        let identity = endpoints[slot].identity
        layer.writer.requestLine(.register, uri: identity.registrarURI)
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

    /// Writes an Authorization or Proxy-Authorization line for a request of an endpoint to its registrar's domain.
    private func writeCredentials(_ name: HeaderName, _ use: (Challenge, UInt32), _ slot: Int, _ method: Method) {
        writeCredentials(name, use, slot, method, uri: endpoints[slot].identity.registrarURI, body: [])
    }

    /// Writes an Authorization or Proxy-Authorization line.
    func writeCredentials(
        _ name: HeaderName, _ use: (Challenge, UInt32), _ slot: Int, _ method: Method, uri: [UInt8], body: [UInt8]
    ) {
        guard let credential = endpoints[slot].plan.credential else { return }
        let request = DigestResponder.Request(
            method: method, uri: uri, body: body, nonceCount: use.1, cnonce: random.next())
        // Only challenges that this credential fits were kept, so there is nothing to throw; if there were, the request would
        // go without credentials and be refused.
        try? responder.write(
            name, for: use.0, username: endpoints[slot].plan.username, credential: credential, request: request,
            to: &layer.writer)
    }

    func writeContact(_ slot: Int) {
        layer.writer.beginHeader(.contact)
        layer.writer.output.appendContact(endpoints[slot])
        layer.writer.endLine()
    }

    func writeUserAgent() {
        if !configuration.userAgent.isEmpty { layer.writer.header(.userAgent, bytes: configuration.userAgent) }
    }
}

extension ByteWriter {
    /// Appends an endpoint's Contact.
    mutating func appendContact(_ endpoint: Endpoint) {
        append("<sip:")
        append(endpoint.identity.contactUser)
        append(0x40)
        append(address: endpoint.local)
        if endpoint.transport != .udp {
            append(";transport=")
            append(endpoint.transport.parameterName)
        }
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
