// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import RunMetrics
public import SIP
import UserAgent

/// `bench call`: calls that are hung up as soon as they are answered, without audio, over the path that runs take.
///
/// Without accounts the target answers itself (INVITE, 180, 200, ACK, BYE, 200); with accounts challenges are answered.
public struct CallBench: Sendable {
    private static var usualCallers: Int { 1000 }

    /// Where the INVITEs go.
    public var target: TransportAddress
    /// How they go. TCP is a connection each.
    public var transport = Transport.udp
    /// Whether all use one UDP socket or each its own.
    public var flow = FlowMode.shared
    /// The URI called.
    public var uri: [UInt8]
    /// Calls in all.
    public var count: Int
    /// Calls in flight.
    public var window = 64
    /// Calls begun per second at most; nil for as fast as the answering side allows.
    public var rate: Double?

    /// A benchmark that calls `sip:service@target`.
    public init(target: TransportAddress, count: Int) {
        self.target = target
        self.count = count
        uri = Array("sip:service@\(target)".utf8)
    }

    /// Runs it.
    /// - Parameters:
    ///   - accounts: callers that answer challenges; nil calls without credentials.
    ///   - secrets: the arena that `accounts` was read into.
    public func run(accounts: BenchAccounts?, secrets: SecretArena) async throws -> BenchResult {
        let uri = uri
        let rate = rate
        let driver = BenchDriver(count: count, endpoints: callers, window: window) { operation, endpoint, begin, now in
            let at = rate.map { begin + .seconds(Double(operation) / $0) } ?? now
            return .call(endpoint: endpoint, target: .uri(uri), at: max(at, now))
        }
        let sink = driver.sink { event, driver in
            switch event {
            case .established(let endpoint): driver.answered(endpoint, at: SystemClock.now())
            case .callEnded(let endpoint, let succeeded):
                driver.released(endpoint)
                driver.finished(succeeded: succeeded)
            default: break
            }
        }
        let engine = try await BenchEngine.make(flow, secrets: secrets, sink: sink)
        do {
            try await engine.add(try plans(accounts))
        } catch {
            await engine.shutdown()
            throw error
        }
        return await driver.finish(on: engine)
    }

    /// Callers: as many as a thousand, who call again and again, but enough for the window.
    private var callers: Int { min(count, max(Self.usualCallers, window)) }

    private func plans(_ accounts: BenchAccounts?) throws -> [EndpointPlan] {
        let local = try Resolver.localAddress(toward: target)
        let domain = Array(target.ip.text.utf8)
        return (0..<callers).map { index in
            let account = accounts.map { $0.accounts[index % $0.accounts.count] }
            var plan = BenchEngine.plan(
                index, username: account?.username ?? Array("bench".utf8),
                credential: account.map { .password($0.password) }, domain: domain, target: target,
                transport: transport)
            plan.registers = false
            plan.talkTime = .zero
            // An offer as real callers make it. The discard port: nobody sends audio in this benchmark.
            plan.mediaAddress = TransportAddress(ip: local.ip, port: 9)
            return plan
        }
    }
}
