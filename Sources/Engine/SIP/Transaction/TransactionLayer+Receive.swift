// SPDX-License-Identifier: Apache-2.0

public import Bedrock

extension TransactionLayer {
    /// Takes a received message in and says what it is to the user; `subject` is whom it concerns, as far as its transaction knows.
    ///
    /// - Parameters:
    ///   - source: where the datagram came from, or the connection's peer.
    ///   - isReliable: whether it came on a stream; nil believes the topmost Via.
    public mutating func receive(
        _ message: Message, flow: FlowID, source: TransportAddress, isReliable: Bool? = nil, now: Instant
    ) -> Reception {
        subject = .none
        guard let via = message.topVia else { return .defective(.via) }
        let isReliable = isReliable ?? via.transport.isReliable
        switch message.startLine {
        case .response(let status, _):
            // A response with our branch answers our request; whoever reads its other headers finds out when they are missing.
            guard let branch = via.branch.flatMap({ message.branch(at: $0) }) else { return .absorbed }
            guard let cSeq = message.cSeq else { return .defective(.cSeq) }
            return receive(response: message, status: status, branch: branch, method: cSeq.method, now: now)
        case .request(let method, _):
            if let defect = message.defect {
                refuse(message, defect: defect, flow: flow, source: source, isReliable: isReliable)
                return .defective(defect)
            }
            return receive(
                request: message, method: method, via: via, flow: flow, source: source, isReliable: isReliable, now: now
            )
        }
    }

    /// Answers a defective request without keeping anything, where a Via says how (RFC 3261 §8.2.6, §8.2.7).
    private mutating func refuse(
        _ message: Message, defect: Defect, flow: FlowID, source: TransportAddress, isReliable: Bool
    ) {
        guard let method = message.method, method != .ack, message.topVia != nil else { return }
        let start = writer.output.count
        writer.statusLine(defect.status, reason: defect.reason)
        writer.copyVias(of: message, source: isReliable ? nil : source)
        for name in [HeaderName.from, .to, .callID, .cSeq] { writer.copy(name, of: message) }
        writer.finish()
        transmit(
            from: start, flow: flow, destination: isReliable ? source : message.responseAddress(source: source))
    }
}

extension Message {
    /// The branch at a place when one of our transactions wrote it.
    func branch(at slice: Slice) -> Branch? { withBytes(of: slice) { Branch($0) } }
}
