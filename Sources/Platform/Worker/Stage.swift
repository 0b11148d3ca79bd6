// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Runtime
import UserAgent
import WorkerLink

/// Everything a segment plays on: opened secrets, resolved registrars, bound sockets.
struct Stage: Sendable {
    let engine: SignallingEngine
    let custody: Custody
    /// Whether the secrets' pages were locked while they were held.
    let wasLocked: Bool
    private let targets: Targets

    /// Opens secrets, resolves names, binds sockets. Throws `SegmentFailure`; nothing is held or open then.
    static func set(
        _ assignment: SegmentAssignment, plan: RunPlan, key: SessionKey, configuration: Worker.Configuration,
        locator: ServerLocator, inbox: Mailbox<SegmentInput>,
        windows: @escaping @Sendable (Window) -> Void,
        traces: @escaping @Sendable ([EndpointTrace]) -> Void
    ) async throws -> Stage {
        let targets = try await Targets.resolve(assignment.definition, by: locator)
        let custody: Custody
        do throws(SealingError) { custody = try Custody(assignment, key: key) } catch {
            throw SegmentFailure(code: "secrets_not_opened", text: error.description)
        }
        do {
            var settings = engineConfiguration(assignment.definition, configuration)
            settings.security = targets.security
            settings.traces = TraceSettings(sample: TraceSample(endpoints: plan.endpoints.count))
            let engine = try await SignallingEngine(
                configuration: settings, secrets: custody.arena,
                sink: SignallingSink(
                    events: { inbox.put(.events($0)) }, window: windows, traces: traces))
            do {
                try await engine.add(plans(assignment, plan, custody, targets))
            } catch {
                await engine.shutdown()
                throw error
            }
            return Stage(
                engine: engine, custody: custody, wasLocked: custody.arena.isLocked,
                targets: targets.with(assignment))
        } catch {
            custody.wipe()
            throw failure(error)
        }
    }

    private static func engineConfiguration(
        _ definition: TestDefinition, _ worker: Worker.Configuration
    ) -> SignallingEngine.Configuration {
        var engine = SignallingEngine.Configuration(loops: worker.loops)
        engine.mediaThreads = worker.mediaThreads
        engine.shard.reportsBindings = true
        engine.shard.t1 = definition.timeouts.t1
        engine.shard.registrationPatience = definition.timeouts.registration
        engine.shard.countsGroups = definition.groups.count > 1
        engine.watchesItself = true
        return engine
    }

    private static func failure(_ error: any Error) -> SegmentFailure {
        switch error {
        case let error as SegmentFailure: error
        case let error as DescriptorShortage: SegmentFailure(code: "no_descriptors", text: error.description)
        case let error as ResolutionError:
            SegmentFailure(code: SegmentFailure.targetUnresolved, text: error.description)
        case let error as MediaError: SegmentFailure(code: "no_media_ports", text: error.description)
        case let error as SecurityProblem: SegmentFailure(code: "tls_files", text: error.description)
        case let error as UnsupportedTransport: SegmentFailure(code: "unsupported_transport", text: error.description)
        default: SegmentFailure(code: "system", text: "the sockets of the endpoints could not be opened: \(error)")
        }
    }

    private static func plans(
        _ assignment: SegmentAssignment, _ plan: RunPlan, _ custody: Custody, _ targets: Targets
    ) throws -> [EndpointPlan] {
        let definition = assignment.definition
        var random = SeededRandom(seed: .random(in: .min ... .max))
        let texts = definition.groups.map(GroupTexts.init)
        return try zip(assignment.endpoints, plan.endpoints).enumerated().map { place, pair in
            let (endpoint, planned) = pair
            let group = definition.groups[planned.group]
            let target = try targets.target(of: group)
            var result = EndpointPlan(
                index: endpoint.index, group: group.name, username: Array(endpoint.username.utf8),
                secret: custody.handles[place], form: endpoint.kind == .password ? .password : .digestKeys,
                domain: target.domain, servers: target.servers.order(random: &random),
                codecs: group.codecs)
            if let user = endpoint.extensionNumber { result.addressUser = Array(user.utf8) }
            result.realm = endpoint.realm.map { Array($0.utf8) }
            result.expires = target.expires
            result.security = target.security
            result.digest = target.digest == .strongest ? .strongest : .topmost
            if let registrar = definition.registrars.first(where: { $0.name == group.registrar }) {
                result.outbound = registrar.outbound
                result.keepAlive = KeepAlive(registrar.keepAlive)
            }
            result.staleContact = endpoint.leftover.map { Array($0.utf8) }
            result.take(group, number: planned.number, texts: texts[planned.group])
            result.ringTimeout = definition.timeouts.ring
            result.talkTime = planned.role == .caller ? definition.talkTime : nil
            // Without codecs it gets no port pair: registrations alone need one socket each, not three.
            if planned.role == .registerOnly { result.codecs = [] }
            return result
        }
    }

    /// A command of the plan in the words of the agents.
    func agentCommand(_ command: SegmentCommand) -> AgentCommand {
        switch command {
        case .register(let endpoint, let at): .register(endpoint: endpoint, at: at)
        case .call(let endpoint, .uri(let uri), let at):
            .call(endpoint: endpoint, target: .uri(Array(uri.utf8)), at: at)
        case .call(let endpoint, .endpoint(let partner), let at):
            .call(endpoint: endpoint, target: .uri(targets.address(of: partner)), at: at)
        case .finish(let endpoint): .finish(endpoint: endpoint)
        case .abandon(let endpoint, let partner): .abandon(endpoint: endpoint, partner: partner)
        }
    }

    /// Ends the engines, then wipes the secrets.
    func strike() async {
        await engine.shutdown()
        custody.wipe()
    }
}

/// What all endpoints of a group send, so that they share its bytes.
private struct GroupTexts {
    let userAgent: [UInt8]?
    let headers: [UInt8]
    /// Nil where each has its own.
    let displayName: [UInt8]?

    init(_ group: GroupDefinition) {
        userAgent = group.userAgent.map { Array($0.utf8) }
        headers = group.headers.flatMap { Array(($0.text + "\r\n").utf8) }
        displayName = group.displayName.flatMap { $0.utf8.contains(UInt8(ascii: "{")) ? nil : Array($0.utf8) }
    }
}

extension EndpointPlan {
    /// Takes over what a group says of its endpoints: names, places, calls.
    fileprivate mutating func take(_ group: GroupDefinition, number: Int, texts: GroupTexts) {
        userAgent = texts.userAgent
        extraHeaders = texts.headers
        displayName =
            texts.displayName ?? group.displayName.map { Array(NumberTemplate.expand($0, number: number).utf8) }
        sharesSocket = group.flow == .shared
        mediaPorts = group.rtpPorts
        if let ip = group.bind.flatMap({ TransportAddress.IP($0) }) {
            localAddress = TransportAddress(ip: ip, port: 0)
        }
        advertised = group.advertise.flatMap { TransportAddress.IP($0) }
        answerAfter = group.answerAfter
        reliableProvisionals =
            switch group.reliable {
            case .off: .off
            case .supported: .supported
            case .required: .required
            }
        sessionTimer = group.sessionTimer.map { timer in
            let refresher: SessionTimerPlan.Refresher =
                switch timer.refresher {
                case .local: .local
                case .peer: .peer
                case .automatic: .automatic
                }
            return SessionTimerPlan(seconds: UInt32(timer.interval.seconds), refresher: refresher)
        }
        if group.transfers == .accept {
            acceptsTransfers = .allBut(EmergencyNumbers.numbers.map { Array($0.utf8) })
        }
    }
}

extension KeepAlive {
    /// A test's choice in the words of the agents.
    init(_ choice: KeepAliveChoice) {
        self =
            switch choice {
            case .automatic: .automatic
            case .off: .off
            case .options: .options(.seconds(30))
            case .every(let interval): .crlf(interval)
            }
    }
}
