// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A request of a peer and the machine that repeats its answer.
struct ServerTransaction {
    enum Machine {
        case invite(InviteServerMachine)
        case nonInvite(NonInviteServerMachine)
    }

    var machine: Machine
    var key: TransactionKey
    var method: Method
    var isReliable: Bool
    var flow: FlowID
    var source: TransportAddress
    var destination: TransportAddress
    var owner: UInt64 = 0
    var subject = Subject.none
    /// Kept until a final response is sent.
    var request: Message?
    /// The last response, while it may have to be sent again.
    var response: [UInt8] = []
    /// When a 2xx is sent again; nil when its ACK came or its user repeats it.
    var repetition: Retransmission?
    var timer: TimerHandle?

    var deadline: Instant? {
        let own: Instant? =
            switch machine {
            case .invite(let machine): machine.deadline
            case .nonInvite(let machine): machine.deadline
            }
        guard let repetition else { return own }
        return own.map { min($0, repetition.at) } ?? repetition.at
    }
}

extension TransactionLayer {
    /// The request of a server transaction until its final response; nil afterwards.
    public func request(of id: ServerTransactionID) -> Message? { servers[id.handle]?.request }

    /// Where the request of a server transaction came from and on which flow; nil when it ended.
    public func origin(of id: ServerTransactionID) -> (flow: FlowID, source: TransportAddress)? {
        servers[id.handle].map { ($0.flow, $0.source) }
    }

    /// Names the owner of a server transaction, for its events and `owner(of:)`.
    public mutating func assign(owner: UInt64, to id: ServerTransactionID) {
        if servers.contains(id.handle) { servers[id.handle]!.owner = owner }
    }

    /// Says whom the request of a server transaction concerns, and so its answers.
    public mutating func assign(subject: Subject, to id: ServerTransactionID) {
        self.subject = subject
        if servers.contains(id.handle) { servers[id.handle]!.subject = subject }
    }

    /// The owner of a server transaction, nil when it ended.
    public func owner(of id: ServerTransactionID) -> UInt64? { servers[id.handle]?.owner }

    /// Begins a response: status line and the headers copied from the request. Header lines, `writer.finish` and `respond` follow.
    /// Nil when the transaction ended or has had its final response; nothing was written then.
    public mutating func beginResponse(_ id: ServerTransactionID, status: UInt16, toTag: [UInt8]?) -> Int? {
        guard let transaction = servers[id.handle], let request = transaction.request else { return nil }
        let start = writer.output.count
        writer.beginResponse(
            to: request, status: status, toTag: toTag, source: transaction.isReliable ? nil : transaction.source)
        return start
    }

    /// Sends the response written from `start` on. A response that the state does not allow (a second final one) is dropped.
    ///
    /// - Parameter repeatsUntilAcknowledged: for a 2xx to INVITE: the layer repeats it until `acknowledge`, or reports it as
    ///   `unacknowledged` after 64 times T1 (RFC 3261 §13.3.1.4). A proxy says false: the repetitions come from behind.
    public mutating func respond(
        _ id: ServerTransactionID, status: UInt16, from start: Int, repeatsUntilAcknowledged: Bool = false, now: Instant
    ) {
        guard let transaction = servers[id.handle] else { return }
        let timing = TransactionTiming(values: timers, isReliable: transaction.isReliable)
        let mayRepeat: Bool
        switch transaction.machine {
        case .invite(var machine):
            guard machine.respond(status: status, timing: timing, now: now) == .send else { return }
            servers[id.handle]!.machine = .invite(machine)
            mayRepeat = (200..<300).contains(status) ? repeatsUntilAcknowledged : true
            if (200..<300).contains(status), repeatsUntilAcknowledged {
                servers[id.handle]!.repetition = Retransmission(values: timers, now: now)
            }
        case .nonInvite(var machine):
            guard machine.respond(status: status, timing: timing, now: now) == .send else { return }
            servers[id.handle]!.machine = .nonInvite(machine)
            mayRepeat = !machine.isTerminated
        }
        subject = transaction.subject
        transmit(from: start, flow: transaction.flow, destination: transaction.destination)
        servers[id.handle]!.response = mayRepeat ? written(from: start) : []
        if status >= 200 { servers[id.handle]!.request = nil }
        settle(server: id.handle)
    }

    /// Answers with a status alone.
    public mutating func respond(_ id: ServerTransactionID, status: UInt16, toTag: [UInt8]?, now: Instant) {
        guard let start = beginResponse(id, status: status, toTag: toTag) else { return }
        writer.finish()
        respond(id, status: status, from: start, now: now)
    }

    /// The ACK to a 2xx came: it is not repeated any more.
    public mutating func acknowledge(_ id: ServerTransactionID) {
        guard servers.contains(id.handle) else { return }
        servers[id.handle]!.repetition = nil
        servers[id.handle]!.response = []
        settle(server: id.handle)
    }

    // MARK: Events

    mutating func receive(
        request: Message, method: Method, via: Via, flow: FlowID, source: TransportAddress, isReliable: Bool,
        now: Instant
    ) -> Reception {
        let keyMethod = method == .ack ? .invite : method
        guard let key = TransactionKey(request, via: via, method: keyMethod, seed: seed) else {
            return .defective(.callID)
        }
        if let handle = serverKeys[key] {
            return method == .ack ? receiveACK(handle, now: now) : receiveCopy(handle)
        }
        if method == .ack { return .acknowledgement }
        let transaction = ServerTransaction(
            machine: method == .invite ? .invite(InviteServerMachine(now: now)) : .nonInvite(NonInviteServerMachine()),
            key: key, method: method, isReliable: isReliable, flow: flow, source: source,
            destination: isReliable ? source : request.responseAddress(source: source), request: request)
        let handle = servers.insert(transaction)
        serverKeys[key] = handle
        settle(server: handle)
        let id = ServerTransactionID(handle: handle)
        guard method == .cancel else { return .request(id) }
        let invite = TransactionKey(request, via: via, method: .invite, seed: seed).flatMap { serverKeys[$0] }
        assign(subject: invite.flatMap { servers[$0]?.subject } ?? .none, to: id)
        return .cancel(id, invite: invite.map { ServerTransactionID(handle: $0) })
    }

    private mutating func receiveCopy(_ handle: SlabHandle) -> Reception {
        guard let transaction = servers[handle] else { return .absorbed }
        subject = transaction.subject
        let resends =
            switch transaction.machine {
            case .invite(let machine): machine.receiveCopy() == .resend
            case .nonInvite(let machine): machine.receiveCopy() == .resend
            }
        if resends {
            repeatResponse(transaction)
        }
        return .absorbed
    }

    private mutating func receiveACK(_ handle: SlabHandle, now: Instant) -> Reception {
        guard let transaction = servers[handle], case .invite(var machine) = transaction.machine else {
            return .absorbed
        }
        subject = transaction.subject
        let timing = TransactionTiming(values: timers, isReliable: transaction.isReliable)
        let action = machine.receiveACK(timing: timing, now: now)
        servers[handle]!.machine = .invite(machine)
        settle(server: handle)
        return action == .deliver ? .acknowledgement : .absorbed
    }

    mutating func advanceServer(_ handle: SlabHandle, now: Instant) {
        guard servers.contains(handle) else { return }
        servers[handle]!.timer = nil
        let transaction = servers[handle]!
        let id = ServerTransactionID(handle: handle)
        switch transaction.machine {
        case .nonInvite(var machine):
            _ = machine.advance(to: now)
            servers[handle]!.machine = .nonInvite(machine)
        case .invite(var machine):
            let timing = TransactionTiming(values: timers, isReliable: transaction.isReliable)
            let action = machine.advance(to: now, timing: timing)
            servers[handle]!.machine = .invite(machine)
            switch action {
            case .sendTrying: sendTrying(transaction, handle)
            case .resend:
                repeatResponse(transaction)
            case .unacknowledged: pending.append(.unacknowledged(owner: transaction.owner, id))
            case .terminate where transaction.repetition != nil:
                pending.append(.unacknowledged(owner: transaction.owner, id))
            case .none, .send, .deliver, .fail, .terminate: break
            }
            if !machine.isTerminated, let repetition = transaction.repetition, repetition.at <= now {
                repeatResponse(transaction)
                servers[handle]!.repetition = repetition.next(now: now, bound: timers.t2)
            }
        }
        settle(server: handle)
    }

    private mutating func repeatResponse(_ transaction: ServerTransaction) {
        subject = transaction.subject
        transmitCopy(transaction.response, flow: transaction.flow, destination: transaction.destination)
    }

    private mutating func sendTrying(_ transaction: ServerTransaction, _ handle: SlabHandle) {
        guard let request = transaction.request else { return }
        let start = writer.output.count
        writer.beginResponse(
            to: request, status: 100, toTag: nil, source: transaction.isReliable ? nil : transaction.source)
        writer.finish()
        subject = transaction.subject
        transmit(from: start, flow: transaction.flow, destination: transaction.destination)
        servers[handle]!.response = written(from: start)
    }

    mutating func failServer(_ handle: SlabHandle) {
        guard let transaction = servers[handle] else { return }
        let failed: Bool
        switch transaction.machine {
        case .invite(var machine):
            failed = machine.transportFailed() == .fail
            servers[handle]!.machine = .invite(machine)
        case .nonInvite(var machine):
            failed = machine.transportFailed() == .fail
            servers[handle]!.machine = .nonInvite(machine)
        }
        if failed { pending.append(.unsent(owner: transaction.owner, ServerTransactionID(handle: handle))) }
        settle(server: handle)
    }

    /// Sets the timer to what the machine says, or takes the transaction out when it is over.
    private mutating func settle(server handle: SlabHandle) {
        let transaction = servers[handle]!
        if let timer = transaction.timer { queue.cancel(timer) }
        let isTerminated =
            switch transaction.machine {
            case .invite(let machine): machine.isTerminated
            case .nonInvite(let machine): machine.isTerminated
            }
        if isTerminated {
            servers.remove(handle)
            serverKeys[transaction.key] = nil
        } else {
            servers[handle]!.timer = transaction.deadline.map { queue.schedule(.server(handle), at: $0) }
        }
    }
}
