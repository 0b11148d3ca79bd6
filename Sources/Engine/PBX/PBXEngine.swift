// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import SIP

/// The built-in SIP server: registrar with digest, proxy between registered contacts, answering extensions, faults on demand.
///
/// Pure: a driver feeds it datagrams and stream messages with the time and drains `transmissions` and `outputs`. The same code
/// answers on the wire and in the simulator. Confined to its driver's thread.
public final class PBXEngine {
    /// Media commands, in order.
    public internal(set) var outputs: [PBXOutput] = []
    /// Messages to send, in order.
    public var transmissions: [Transmission] { layer.transmissions }
    /// What it has done so far.
    public internal(set) var statistics = PBXStatistics()

    let configuration: PBXConfiguration
    let verifier: DigestVerifier
    let hashes: HashFunctions
    var layer: TransactionLayer
    var accounts: AccountTable
    var nonces: NonceMaker
    var random: SeededRandom
    var flows: [FlowID: FlowState] = [:]
    /// Every address that peers have been told to reach the server at; one for each listener.
    var localAddresses: Set<TransportAddress> = []
    /// The accounts with a contact on a connection, so that its end is cheap.
    var accountsOnFlow: [FlowID: Set<Int>] = [:]
    var forwardings = Slab<Forwarding>()
    var calls = Slab<ExtensionCall>()
    var delayed = Slab<DelayedRequest>()
    var timers = TimerQueue<TimerTarget>()
    var faultClock = FaultClock()

    /// A request that came and is not looked at yet.
    struct DelayedRequest {
        var message: Message
        var flow: FlowID
        var source: TransportAddress
    }

    /// An open socket or connection.
    struct FlowState {
        var transport: Transport
        /// Where peers reach the server on this transport.
        var local: TransportAddress
    }

    enum TimerTarget {
        case forwarding(SlabHandle)
        case call(SlabHandle)
        /// A request that the fault `slow` holds back.
        case delayed(SlabHandle)
        /// An INVITE to a contact that nothing reaches.
        case unreached(ServerTransactionID)
    }

    /// A server without open flows.
    public init(
        configuration: PBXConfiguration, accounts: [PBXAccount], secrets: SecretArena, hashes: HashFunctions,
        random: SeededRandom
    ) {
        var random = random
        self.configuration = configuration
        self.accounts = AccountTable(accounts, faults: configuration.faults)
        self.hashes = hashes
        verifier = DigestVerifier(hashes: hashes, arena: secrets)
        nonces = NonceMaker(hashes: hashes, random: &random)
        layer = TransactionLayer(timers: configuration.timers, random: random.fork())
        self.random = random
    }

    // MARK: Drain

    /// Lends the bytes of a message to send.
    public func withMessage<Result>(_ transmission: Transmission, _ body: (UnsafeRawBufferPointer) -> Result) -> Result
    {
        layer.writer.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[transmission.range])) }
    }

    /// Forgets transmissions and outputs, once the driver has performed them.
    public func removeOutputs() {
        outputs.removeAll(keepingCapacity: true)
        layer.removeTransmissions()
    }

    // MARK: State, for operators and tests

    /// Whether no transaction, forwarded call or extension call is left.
    public var isIdle: Bool { layer.isEmpty && forwardings.isEmpty && calls.isEmpty && delayed.isEmpty }

    /// How many transactions, forwarded requests and extension calls there are.
    public var pendingWork: (transactions: Int, forwardings: Int, calls: Int) {
        (layer.counts.clients + layer.counts.servers, forwardings.count, calls.count)
    }

    /// How many accounts have a contact at `now`.
    public func registeredAccounts(at now: Instant) -> Int {
        accounts.states.count { state in state.bindings.contains { $0.expiresAt > now } }
    }

    // MARK: Feed

    /// A socket listens or a connection was accepted; `local` is the address that peers reach the server at on this transport.
    public func flowOpened(_ flow: FlowID, transport: Transport, local: TransportAddress) {
        flows[flow] = FlowState(transport: transport, local: local)
        localAddresses.insert(local)
    }

    /// A connection is gone: what needs it fails, and the contacts registered over it are forgotten.
    public func flowClosed(_ flow: FlowID, now: Instant) {
        guard flows.removeValue(forKey: flow) != nil else { return }
        for place in accountsOnFlow.removeValue(forKey: flow) ?? [] {
            accounts.states[place].bindings.removeAll { $0.peer.flow == flow }
        }
        layer.transportFailed(flow: flow)
        advance(to: now)
    }

    /// Takes in one whole message: a datagram, or what a `StreamFramer` cut.
    public func receive(_ bytes: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress, now: Instant) {
        if let first = bytes.first, STUNMessage.isFirstByte(first) {
            return answerBinding(bytes, flow: flow, source: source)
        }
        let message: Message
        do throws(ParseError) {
            message = try Message.parse(datagram: bytes)
        } catch {
            if error.code != .keepAlive { statistics.malformed += 1 }
            return
        }
        receive(message, flow: flow, source: source, now: now)
    }

    /// The keep-alive of a UDP flow is answered with where it came from (RFC 5626 §4.4.2, RFC 5389 §7.3.1).
    private func answerBinding(_ bytes: UnsafeRawBufferPointer, flow: FlowID, source: TransportAddress) {
        guard let request = STUNMessage(bytes), request.kind == .request, flows[flow]?.transport == .udp,
            !configuration.faults.contains(PBXFault(.silence, .all))
        else { return }
        let start = layer.writer.output.count
        layer.writer.output.append(STUNMessage(.success, request.transaction, mappedAddress: source))
        layer.transmit(from: start, flow: flow, destination: source)
    }

    /// Takes in one parsed message.
    public func receive(_ message: Message, flow: FlowID, source: TransportAddress, now: Instant) {
        statistics.received += 1
        guard let state = flows[flow] else { return }
        if !configuration.faults.isEmpty { passFaultTime(now) }
        if isSilenced(message, now: now) {
            statistics.silenced += 1
            return
        }
        if let pause = delay(of: message) {
            let handle = delayed.insert(DelayedRequest(message: message, flow: flow, source: source))
            _ = timers.schedule(.delayed(handle), at: now + pause)
            return
        }
        take(message, state, flow: flow, source: source, now: now)
    }

    private func take(
        _ message: Message, _ state: FlowState, flow: FlowID, source: TransportAddress, now: Instant
    ) {
        switch layer.receive(message, flow: flow, source: source, isReliable: state.transport.isReliable, now: now) {
        case .request(let id): handle(message, id, from: Peer(flow: flow, address: source), now: now)
        case .cancel(let id, let invite): cancel(id, invite: invite, now: now)
        case .acknowledgement: acknowledge(message, from: Peer(flow: flow, address: source), now: now)
        case .response(let owner, let id): handleResponse(message, owner: owner, id, now: now)
        case .absorbed, .defective: break
        }
    }

    /// When `advance` must be called at the latest; nil when nothing is due.
    public var nextDeadline: Instant? {
        switch (layer.nextDeadline, timers.nextDeadline) {
        case (let first?, let second?): min(first, second)
        case (let first, let second): first ?? second
        }
    }

    /// Runs what is due.
    public func advance(to now: Instant) {
        while let event = layer.advance(to: now) {
            switch event {
            case .timeout(let owner, let id): forwardingFailed(owner, id, status: 408, now: now)
            case .failed(let owner, let id): forwardingFailed(owner, id, status: 503, now: now)
            case .unacknowledged(let owner, _), .unsent(let owner, _): unanswered(owner, now: now)
            case .retransmitted: break
            }
        }
        while let target = timers.popDue(at: now) {
            switch target {
            case .forwarding(let handle): forwardingIsDue(handle, now: now)
            case .call(let handle): callIsDue(handle, now: now)
            case .delayed(let handle):
                guard let request = delayed.remove(handle), let state = flows[request.flow] else { continue }
                take(request.message, state, flow: request.flow, source: request.source, now: now)
            case .unreached(let id): respond(id, 408, now: now)
            }
        }
    }

    // MARK: Answers

    /// Eight random hexadecimal digits, for a tag.
    func makeTag() -> [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.append(hex: random.next(), digits: 8)
        return writer.bytes
    }

    /// Answers with a status alone.
    func respond(_ id: ServerTransactionID, _ status: UInt16, now: Instant) {
        layer.respond(id, status: status, toTag: makeTag(), now: now)
    }

    /// How long the fault `slow` holds a request back.
    private func delay(of message: Message) -> Interval? {
        guard !configuration.faults.isEmpty, message.isRequest,
            configuration.faults.contains(where: { $0.kind == .slow }), let user = message.fromUser,
            let place = accounts.place(ofAddressUser: user),
            let pause = accounts.states[place].faults.number(.slow)
        else { return nil }
        return .milliseconds(Int(pause))
    }
}
