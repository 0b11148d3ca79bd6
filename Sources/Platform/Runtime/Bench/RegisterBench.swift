// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import RunMetrics
public import SIP
import UserAgent

/// `bench register`: digest registrations against a server as fast as it answers, over the path that runs take.
public struct RegisterBench: Sendable {
    /// Where the REGISTERs go.
    public var target: TransportAddress
    /// How they go. TCP is a connection each.
    public var transport = Transport.udp
    /// Whether all use one UDP socket or each its own.
    public var flow = FlowMode.shared
    /// The lifetime asked for, in seconds.
    public var expires: UInt32 = 3600
    /// The host in Request-URI and address-of-record; the target's address when nil.
    public var domain: [UInt8]?
    /// Registrations in all; accounts are used again in turn when there are fewer.
    public var count: Int
    /// Registrations in flight.
    public var window = 64

    /// A benchmark with the usual window over UDP.
    public init(target: TransportAddress, count: Int) {
        self.target = target
        self.count = count
    }

    /// A benchmark against the servers of a domain: registrations spread over them by weight.
    public init(servers: FoundServers, count: Int) {
        self.init(target: servers.first.address, count: count)
        transport = servers.first.transport
        self.servers = servers
    }

    private var servers: FoundServers?

    /// Runs it.
    /// - Parameter secrets: the arena that `accounts` was read into.
    public func run(accounts: BenchAccounts, secrets: SecretArena) async throws -> BenchResult {
        let driver = driver()
        let engine = try await engine(driver, secrets: secrets)
        do {
            try await engine.add(plans(accounts))
        } catch {
            await engine.shutdown()
            throw error
        }
        return await driver.finish(on: engine)
    }

    func driver() -> BenchDriver {
        BenchDriver(count: count, endpoints: count, window: window) { _, endpoint, _, now in
            .register(endpoint: endpoint, at: now)
        }
    }

    func engine(_ driver: BenchDriver, secrets: SecretArena) async throws -> SignallingEngine {
        let sink = driver.sink { event, driver in
            switch event {
            case .registered(let endpoint, let at):
                driver.answered(endpoint, at: at)
                driver.finished(succeeded: true)
            case .registrationFailed: driver.finished(succeeded: false)
            default: break
            }
        }
        return try await BenchEngine.make(flow, secrets: secrets, sink: sink)
    }

    func plans(_ accounts: BenchAccounts) -> [EndpointPlan] {
        let domain = domain ?? Array(target.ip.text.utf8)
        var random = SeededRandom.unpredictable()
        return (0..<count).map { index in
            let account = accounts.accounts[index % accounts.accounts.count]
            var plan = BenchEngine.plan(
                index, username: account.username, credential: .password(account.password), domain: domain,
                target: target, transport: transport)
            if let servers { plan.use(servers.order(random: &random)) }
            plan.expires = expires
            return plan
        }
    }
}
