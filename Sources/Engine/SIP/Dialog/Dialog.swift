// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A dialog (RFC 3261 §12): what a peer and this side keep of each other after an INVITE was accepted.
///
/// From and To are kept as they stood in the answer, tags included, so requests repeat them byte by byte. All bytes lie in one array.
public struct Dialog: Sendable {
    /// The CSeq number of this side's last request.
    public private(set) var localSequence: UInt32
    /// The CSeq number of the peer's last request, nil before the first.
    public private(set) var remoteSequence: UInt32?
    /// Where requests go when the first route, or else the remote target, is a numeric address; nil for a name.
    public private(set) var nextHop: TransportAddress?

    private var parts: DialogParts

    /// The dialog of a caller, from the 2xx to its INVITE (RFC 3261 §12.1.2). Nil when the response lacks From, To or Call-ID.
    ///
    /// - Parameter fallbackTarget: the INVITE's Request-URI, used when the response has no Contact, which it must have.
    public init?(caller response: Message, fallbackTarget: [UInt8]) {
        guard let from = response.first(.from), let to = response.first(.to), let callID = response.callID,
            let cSeq = response.cSeq
        else { return nil }
        localSequence = cSeq.number
        remoteSequence = nil
        var routes: [[UInt8]] = []
        response.forEachElement(.recordRoute) { element in
            routes.append(Array(response.bytes(of: element)))
            return true
        }
        parts = DialogParts(
            callID: response.bytes(of: callID), local: Array(response.bytes(of: from)),
            remote: Array(response.bytes(of: to)), localTag: response.fromTag.map { response.bytes(of: $0) } ?? [],
            remoteTag: response.toTag.map { response.bytes(of: $0) } ?? [], routes: routes.reversed(),
            target: response.contactURI ?? fallbackTarget)
        nextHop = parts.nextHop
    }

    /// The dialog of a callee, from the INVITE it answers and the tag it answers with (RFC 3261 §12.1.1). Nil when the INVITE
    /// has no Contact, to which nothing could be sent.
    public init?(callee request: Message, localTag: [UInt8]) {
        guard let from = request.first(.from), let to = request.first(.to), let callID = request.callID,
            let cSeq = request.cSeq, let target = request.contactURI
        else { return nil }
        localSequence = 0
        remoteSequence = cSeq.number
        var routes: [[UInt8]] = []
        request.forEachElement(.recordRoute) { element in
            routes.append(Array(request.bytes(of: element)))
            return true
        }
        let local = Array(request.bytes(of: to)) + Array(";tag=".utf8) + localTag
        parts = DialogParts(
            callID: request.bytes(of: callID), local: local, remote: Array(request.bytes(of: from)),
            localTag: localTag[...], remoteTag: request.fromTag.map { request.bytes(of: $0) } ?? [], routes: routes,
            target: target)
        nextHop = parts.nextHop
    }

    /// Turns an early dialog into the confirmed one by its 2xx: routes and target are those of the 2xx (RFC 3261 §13.2.2.4), the
    /// numbers of requests go on.
    public mutating func confirm(by response: Message, fallbackTarget: [UInt8]) {
        guard var confirmed = Dialog(caller: response, fallbackTarget: fallbackTarget) else { return }
        confirmed.localSequence = max(confirmed.localSequence, localSequence)
        confirmed.remoteSequence = remoteSequence
        self = confirmed
    }

    // MARK: Requests of this side

    /// The Request-URI of the next request.
    public var requestURI: ArraySlice<UInt8> { parts.requestURI }

    /// The number for the next request of this side, one higher than the last.
    public mutating func nextSequence() -> UInt32 {
        localSequence += 1
        return localSequence
    }

    /// Begins a request in the dialog: request line, Via, Max-Forwards, Route, From, To, Call-ID, CSeq (RFC 3261 §12.2.1.1). Header
    /// lines and `finish` follow. An ACK has the number of its INVITE, all others one from `nextSequence`.
    public func begin(
        _ method: Method, sequence: UInt32, transport: Transport, sentBy: TransportAddress, branch: Branch,
        into writer: inout MessageWriter
    ) {
        writer.requestLine(method, uri: parts.requestURI)
        writer.via(transport, sentBy: sentBy, branch: branch)
        writer.header(.maxForwards, decimal: MessageWriter.maxForwards)
        if !parts.route.isEmpty { writer.header(.route, bytes: parts.route) }
        writer.header(.from, bytes: parts.local)
        writer.header(.to, bytes: parts.remote)
        writer.header(.callID, bytes: parts.callID)
        writer.cSeq(sequence, method)
    }

    // MARK: Messages of the peer

    /// Whether a request of the peer belongs here: Call-ID and both tags (RFC 3261 §12.2.2).
    public func matches(_ request: Message) -> Bool {
        guard let callID = request.callID, request.bytes(of: callID).elementsEqual(parts.callID) else { return false }
        let local = request.toTag.map { request.bytes(of: $0) } ?? []
        let remote = request.fromTag.map { request.bytes(of: $0) } ?? []
        return local.elementsEqual(parts.localTag) && remote.elementsEqual(parts.remoteTag)
    }

    /// Whether a request outside a dialog is the one that opened this dialog at its callee, come again by another way: the same
    /// Call-ID, From tag and CSeq number (RFC 3261 §8.2.2.2).
    public func isSameInvite(as request: Message) -> Bool {
        guard let callID = request.callID, request.bytes(of: callID).elementsEqual(parts.callID) else { return false }
        let remote = request.fromTag.map { request.bytes(of: $0) } ?? []
        return remote.elementsEqual(parts.remoteTag) && request.cSeq?.number == remoteSequence
    }

    /// Whether a response of the peer belongs here: the tag of its To is the one this dialog was made with.
    public func isAnswered(by response: Message) -> Bool {
        (response.toTag.map { response.bytes(of: $0) } ?? []).elementsEqual(parts.remoteTag)
    }

    /// Takes the number of a peer's request other than ACK; false when it is not higher than the last (RFC 3261 §12.2.2: 500).
    public mutating func accept(sequence: UInt32) -> Bool {
        guard remoteSequence.map({ sequence > $0 }) ?? true else { return false }
        remoteSequence = sequence
        return true
    }

    /// Takes the Contact of a target refresh (re-INVITE, UPDATE and their 2xx, RFC 3261 §12.2.1.2) as the new remote target.
    public mutating func refreshTarget(from message: Message) {
        guard let target = message.contactURI else { return }
        parts.replace(target: target)
        nextHop = parts.nextHop
    }
}

extension Message {
    /// The URI of the first Contact, nil when there is none that can be used.
    var contactURI: [UInt8]? {
        guard let contact = firstContact, uri(contact.uri) != nil else { return nil }
        return Array(bytes(of: contact.uri))
    }
}
