// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// A request of ours and the machine that repeats it.
struct ClientTransaction {
    enum Machine {
        /// The request is being written.
        case unsent
        case invite(InviteClientMachine)
        case nonInvite(NonInviteClientMachine)
    }

    var machine: Machine = .unsent
    var salt: UInt32
    var method: Method = .other
    var isReliable = false
    var flow = FlowID(raw: 0)
    var destination = TransportAddress(0, 0, 0, 0, port: 0)
    var owner: UInt64 = 0
    var subject = Subject.none
    /// Kept while it may be sent again; for INVITE also to make its ACK and CANCEL from.
    var request: [UInt8] = []
    var timer: TimerHandle?
    /// When that timer is due.
    var due: Instant?
    /// The CANCEL of this INVITE, which has the same branch.
    var cancel: SlabHandle?

    var deadline: Instant? {
        switch machine {
        case .unsent: nil
        case .invite(let machine): machine.deadline
        case .nonInvite(let machine): machine.deadline
        }
    }

    var isTerminated: Bool {
        switch machine {
        case .unsent: false
        case .invite(let machine): machine.isTerminated
        case .nonInvite(let machine): machine.isTerminated
        }
    }

    /// What its machine did with a response.
    enum Step {
        case none
        case invite(InviteClientMachine.Action)
        case nonInvite(NonInviteClientMachine.Action)
    }

    /// A response with this status came.
    mutating func receive(status: UInt16, timers: TimerValues, now: Instant) -> Step {
        let timing = TransactionTiming(values: timers, isReliable: isReliable)
        switch machine {
        case .unsent:
            return .none
        case .invite(var machine):
            let action = machine.receive(status: status, timing: timing, now: now)
            self.machine = .invite(machine)
            return .invite(action)
        case .nonInvite(var machine):
            let action = machine.receive(status: status, timing: timing, now: now)
            self.machine = .nonInvite(machine)
            return .nonInvite(action)
        }
    }
}

extension TransactionLayer {
    /// Begins a request: its branch can be written from now on. `send` or `abandon` must follow.
    public mutating func openRequest() -> ClientTransactionID {
        ClientTransactionID(handle: clients.insert(ClientTransaction(salt: UInt32(truncatingIfNeeded: random.next()))))
    }

    /// The branch to write into the request's topmost Via.
    public func branch(of id: ClientTransactionID) -> Branch {
        Branch(handle: id.handle, salt: clients[id.handle]?.salt ?? 0)
    }

    /// Sends the request written from `start` on and repeats it as its transaction says.
    public mutating func send(
        _ id: ClientTransactionID, method: Method, from start: Int, owner: UInt64, flow: FlowID,
        destination: TransportAddress, isReliable: Bool, now: Instant
    ) {
        guard clients.contains(id.handle) else { return }
        transmit(from: start, flow: flow, destination: destination)
        let timing = TransactionTiming(values: timers, isReliable: isReliable)
        let machine: ClientTransaction.Machine =
            method == .invite
            ? .invite(InviteClientMachine(timing: timing, now: now))
            : .nonInvite(NonInviteClientMachine(timing: timing, now: now))
        let request = isReliable && method != .invite ? [] : written(from: start)
        Self.configure(
            &clients[id.handle]!, machine: machine, method: method, owner: owner, subject: subject, flow: flow,
            destination: destination, isReliable: isReliable, request: request)
        reschedule(client: id.handle)
    }

    private static func configure(
        _ transaction: inout ClientTransaction, machine: ClientTransaction.Machine, method: Method, owner: UInt64,
        subject: Subject, flow: FlowID, destination: TransportAddress, isReliable: Bool, request: [UInt8]
    ) {
        transaction.machine = machine
        transaction.method = method
        transaction.owner = owner
        transaction.subject = subject
        transaction.flow = flow
        transaction.destination = destination
        transaction.isReliable = isReliable
        transaction.request = request
    }

    /// Whether a request's transaction is still there.
    public func isOpen(_ id: ClientTransactionID) -> Bool { clients.contains(id.handle) }

    /// An INVITE of ours as it was sent, and on which flow, while its transaction keeps it; nil for every other request.
    public func sentRequest(_ id: ClientTransactionID) -> (Message, FlowID)? {
        guard let transaction = clients[id.handle], transaction.method == .invite else { return nil }
        return (try? Message.parse(transaction.request)).map { ($0, transaction.flow) }
    }

    /// Forgets a request; nothing is reported of it any more.
    public mutating func abandon(_ id: ClientTransactionID) { finish(client: id.handle) }

    /// Sends CANCEL for an INVITE that has had a provisional response (RFC 3261 §9.1), once. False when it cannot be cancelled (any more).
    ///
    /// The CANCEL's own answers and its time-out are absorbed; the INVITE's transaction tells the outcome.
    @discardableResult
    public mutating func cancel(_ id: ClientTransactionID, now: Instant) -> Bool {
        guard let invite = clients[id.handle], invite.cancel == nil, case .invite(.proceeding) = invite.machine,
            let request = try? Message.parse(invite.request)
        else { return false }
        let handle = clients.insert(ClientTransaction(salt: invite.salt))
        let start = writer.output.count
        writer.cancel(of: request)
        let timing = TransactionTiming(values: timers, isReliable: invite.isReliable)
        subject = invite.subject
        Self.configure(
            &clients[handle]!, machine: .nonInvite(NonInviteClientMachine(timing: timing, now: now)), method: .cancel,
            owner: invite.owner, subject: subject, flow: invite.flow, destination: invite.destination,
            isReliable: invite.isReliable,
            request: invite.isReliable ? [] : written(from: start))
        clients[id.handle]!.cancel = handle
        transmit(from: start, flow: invite.flow, destination: invite.destination)
        reschedule(client: handle)
        return true
    }

    // MARK: Events

    /// A response came; `branch` is its topmost Via's.
    mutating func receive(response: Message, status: UInt16, branch: Branch, method: Method, now: Instant) -> Reception
    {
        var handle = branch.handle
        guard clients[handle]?.salt == branch.salt else { return .absorbed }
        if method == .cancel, clients[handle]?.method == .invite {
            guard let cancel = clients[handle]?.cancel else { return .absorbed }
            handle = cancel
        }
        guard clients[handle]?.method == method, let owner = clients[handle]?.owner else { return .absorbed }
        subject = clients[handle]!.subject
        switch clients[handle]!.receive(status: status, timers: timers, now: now) {
        case .none:
            return .absorbed
        case .invite(let action):
            if action == .deliverAndAcknowledge || action == .acknowledge { acknowledge(handle, response: response) }
            clients[handle]!.isTerminated ? finish(client: handle) : reschedule(client: handle)
            guard action == .deliver || action == .deliverAndAcknowledge else { return .absorbed }
        case .nonInvite(let action):
            if status >= 200 {
                // Completed would only absorb copies until timer K. An unmatched response is dropped just the same
                // (RFC 6026 §8.9), so the place is given back at once.
                finish(client: handle)
            } else {
                reschedule(client: handle)
            }
            guard action == .deliver, method != .cancel else { return .absorbed }
        }
        return .response(owner: owner, ClientTransactionID(handle: handle))
    }

    /// Sends the ACK to a response of 300…699 (RFC 3261 §17.1.1.3).
    private mutating func acknowledge(_ handle: SlabHandle, response: Message) {
        guard let transaction = clients[handle], let request = try? Message.parse(transaction.request) else { return }
        let start = writer.output.count
        subject = transaction.subject
        writer.ack(to: response, of: request)
        transmit(from: start, flow: transaction.flow, destination: transaction.destination)
    }

    mutating func advanceClient(_ handle: SlabHandle, now: Instant) {
        guard clients.contains(handle) else { return }
        clients[handle]!.timer = nil
        let transaction = clients[handle]!
        let timing = TransactionTiming(values: timers, isReliable: transaction.isReliable)
        let id = ClientTransactionID(handle: handle)
        var isTerminated = false
        switch transaction.machine {
        case .unsent:
            return
        case .invite(var machine):
            let action = machine.advance(to: now, timing: timing)
            clients[handle]!.machine = .invite(machine)
            if action == .retransmit { repeatRequest(transaction) }
            if action == .timeout { pending.append(.timeout(owner: transaction.owner, id)) }
            isTerminated = machine.isTerminated
        case .nonInvite(var machine):
            let action = machine.advance(to: now, timing: timing)
            clients[handle]!.machine = .nonInvite(machine)
            if action == .retransmit { repeatRequest(transaction) }
            if action == .timeout, transaction.method != .cancel {
                pending.append(.timeout(owner: transaction.owner, id))
            }
            isTerminated = machine.isTerminated
        }
        isTerminated ? finish(client: handle) : reschedule(client: handle)
    }

    private mutating func repeatRequest(_ transaction: ClientTransaction) {
        subject = transaction.subject
        transmitCopy(transaction.request, flow: transaction.flow, destination: transaction.destination)
        pending.append(.retransmitted(owner: transaction.owner))
    }

    mutating func failClient(_ handle: SlabHandle) {
        guard let transaction = clients[handle] else { return }
        let failed: Bool
        switch transaction.machine {
        case .unsent: return
        case .invite(var machine): failed = machine.transportFailed() == .fail
        case .nonInvite(var machine): failed = machine.transportFailed() == .fail
        }
        guard failed else { return }
        if transaction.method != .cancel {
            pending.append(.failed(owner: transaction.owner, ClientTransactionID(handle: handle)))
        }
        finish(client: handle)
    }

    private mutating func finish(client handle: SlabHandle) {
        guard let transaction = clients.remove(handle) else { return }
        if let timer = transaction.timer { queue.cancel(timer) }
        if let cancel = transaction.cancel { finish(client: cancel) }
    }

    private mutating func reschedule(client handle: SlabHandle) {
        let deadline = clients[handle]!.deadline
        if let timer = clients[handle]!.timer {
            if deadline == clients[handle]!.due { return }
            queue.cancel(timer)
        }
        clients[handle]!.due = deadline
        clients[handle]!.timer = deadline.map { queue.schedule(.client(handle), at: $0) }
    }
}
