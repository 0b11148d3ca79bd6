// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import RunMetrics
public import SIP

/// Many endpoints on one thread: takes commands, messages and the time; gives messages to send, media commands and events.
///
/// A driver feeds it, then drains: sends `transmissions` (bytes by `withMessage`), performs `outputs`, calls `removeOutputs`, and
/// calls `advance` at `nextDeadline`. It is confined to its driver's thread.
public final class AgentShard {
    /// Media commands and events, in order.
    public internal(set) var outputs: [AgentOutput] = []
    /// Messages to send, in order.
    public var transmissions: [Transmission] { layer.transmissions }
    /// Whether nothing is left of any call or transaction and nothing is planned; an invariant once all endpoints are closed.
    public var isIdle: Bool { layer.isEmpty && calls.isEmpty && timers.count == 0 }
    /// How many endpoints have not given their result yet.
    public internal(set) var openEndpoints = 0

    let configuration: ShardConfiguration
    let startInstant: Instant
    let responder: DigestResponder
    var random: SeededRandom
    var layer: TransactionLayer
    var endpoints: [Endpoint] = []
    var slots = SlotIndex()
    var streams = SlotIndex()
    var flows = FlowTable()
    /// What is rarely needed of the endpoints' ways to their servers, by slot.
    var paths: [Int: PathState] = [:]
    /// What keeps flows open, where something does.
    var keepers: [FlowID: Keeper] = [:]
    /// Transmissions waiting that are no messages.
    var keepAlivesWaiting = 0
    /// What the endpoints' instance identifiers are made from.
    let instanceSeed: UInt64
    var calls = Slab<Call>()
    var timers = TimerQueue<AgentTimer>()
    /// The shard's deadline after `finishAll`.
    var deadlineTimer: TimerHandle?
    var registrarURIs: [[UInt8]: [UInt8]] = [:]
    var texts = TextCache()
    var window = Window(second: 0)
    /// Calls that are due while their endpoints may be busy, by slot, in the order they were told.
    var plannedCalls: [Int: [PlannedCall]] = [:]
    /// What the present second counted, by group; the groups' names in the same order.
    var tallies: [Tally] = []
    var groupNames: [String] = []
    /// INVITEs that were given up and may still be answered, with the timers that end that.
    var lateAnswers: [ClientTransactionID: TimerHandle] = [:]
    /// What the driver said while it reported a broken flow; transactions that fail then failed of it.
    var presentFault: TransportFault?
    /// The same in a sentence.
    var presentDetail: String?

    /// What the shard itself waits for.
    enum AgentTimer {
        case registration(slot: Int)
        case call(SlabHandle)
        /// The rare state of a call.
        case callExtras(SlabHandle)
        /// An INVITE that was given up is not kept for late answers any longer.
        case lateAnswers(ClientTransactionID)
        /// A call that was told while the endpoint had another one.
        case plannedCall(slot: Int)
        /// All servers of an endpoint are tried again.
        case reconnect(slot: Int)
        /// What keeps a flow open is due.
        case keepAlive(FlowID)
        case deadline
    }

    /// A shard without endpoints. Times in results count from `startInstant`.
    public init(
        configuration: ShardConfiguration, secrets: SecretArena, hashes: HashFunctions, random: SeededRandom,
        startInstant: Instant
    ) {
        self.configuration = configuration
        self.startInstant = startInstant
        var random = random
        layer = TransactionLayer(timers: configuration.timers, random: random.fork())
        instanceSeed = random.next()
        self.random = random
        responder = DigestResponder(hashes: hashes, arena: secrets)
    }

    /// Lends the bytes of a message to send.
    public func withMessage<Result>(_ transmission: Transmission, _ body: (UnsafeRawBufferPointer) -> Result) -> Result
    {
        layer.writer.withBytes {
            body(UnsafeRawBufferPointer(rebasing: $0[transmission.range]))
        }
    }

    /// Forgets transmissions and outputs, once the driver has performed them.
    public func removeOutputs() {
        outputs.removeAll(keepingCapacity: true)
        removeTransmissions()
    }

    /// Takes an endpoint in. It does nothing until commanded. Its index and stream must be new to the shard.
    public func add(_ plan: EndpointPlan) {
        precondition(slots[UInt64(plan.index)] == nil, "endpoint \(plan.index) was added twice")
        let slot = endpoints.count
        let userPart = UserPart.escaped(plan.addressUser)
        var contactUser = userPart
        if flows.contains(userHash: FlowTable.hash(contactUser), on: plan.flow) {
            // The same name on two registrars: the second one's Contact must differ on a shared flow.
            contactUser += Array("-\(plan.index)".utf8)
        }
        flows.add(slot: slot, to: plan.flow, userHash: FlowTable.hash(contactUser))
        let registrarURI = registrarURIs[plan.domain] ?? Array("sip:".utf8) + plan.domain
        registrarURIs[plan.domain] = registrarURI
        let identity = EndpointIdentity(
            plan, registrarURI: registrarURI, userPart: userPart, contactUser: contactUser)
        endpoints.append(Endpoint(identity, group: groupPlace(plan.group), random: &random))
        slots[UInt64(plan.index)] = slot
        streams[plan.stream] = slot
        openEndpoints += 1
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
        drainTransactions(now: now)
        while let timer = timers.popDue(at: now) {
            switch timer {
            case .registration(let slot): registrationIsDue(slot, now: now)
            case .call(let handle): callTimerFired(handle, now: now)
            case .callExtras(let handle): extrasAreDue(handle, now: now)
            case .lateAnswers(let invite):
                lateAnswers[invite] = nil
                layer.abandon(invite)
            case .plannedCall(let slot): plannedCallIsDue(slot, now: now)
            case .reconnect(let slot): reconnectIsDue(slot, now: now)
            case .keepAlive(let flow): keepAliveIsDue(flow, now: now)
            case .deadline: closeAll(now: now)
            }
        }
        drainTransactions(now: now)
    }

    // MARK: Small helpers

    /// Time since the run's start.
    func elapsed(_ now: Instant) -> Interval { now - startInstant }

    func emit(_ event: AgentEvent) { outputs.append(.event(event)) }

    /// Moves an endpoint's phase forward (H2).
    func advancePhase(_ slot: Int, to phase: EndpointPhase) {
        guard phase > endpoints[slot].phase else { return }
        endpoints[slot].phase = phase
        emit(.phase(endpoint: endpoints[slot].plan.index, phase))
    }

    private func drainTransactions(now: Instant) {
        while let event = layer.advance(to: now) { perform(event, now: now) }
    }

    /// Runs `body` while transactions that fail are known to fail of `fault`.
    func failing(with fault: TransportFault, detail: String? = nil, now: Instant, _ body: () -> Void) {
        presentFault = fault
        presentDetail = detail
        body()
        drainTransactions(now: now)
        presentFault = nil
        presentDetail = nil
    }

    func perform(_ event: TransactionEvent, now: Instant) {
        switch event {
        case .retransmitted(let owner):
            window.retransmissions += 1
            switch Owner(raw: owner) {
            case .registration(let slot): endpoints[slot].evidence.retransmissions &+= 1
            case .invite(let handle), .bye(let handle), .dialogRequest(let handle):
                if calls.contains(handle) { calls[handle]!.evidence.retransmissions &+= 1 }
            case .nobody, .keepAlive: break
            }
        case .timeout(let owner, let id):
            requestFailed(Owner(raw: owner), id, fault: .silence, now: now)
        case .failed(let owner, let id):
            requestFailed(Owner(raw: owner), id, fault: presentFault ?? .system, now: now)
        case .unacknowledged(let owner, let id):
            if case .invite(let handle) = Owner(raw: owner) { acknowledgementMissing(handle, id, now: now) }
        case .unsent:
            // Whoever waits for that answer asks again or gives up; the call's own timers end it here.
            break
        }
    }

    private func requestFailed(_ owner: Owner, _ id: ClientTransactionID, fault: TransportFault, now: Instant) {
        switch owner {
        case .registration(let slot): registrationUnanswered(slot, id, fault: fault, now: now)
        case .invite(let handle): inviteUnanswered(handle, id, fault: fault, now: now)
        case .bye(let handle): byeUnanswered(handle, fault: fault, now: now)
        case .dialogRequest(let handle): dialogRequestFailed(handle, id, now: now)
        case .keepAlive(let flow): optionsUnanswered(flow, id, now: now)
        case .nobody: break
        }
    }
}
