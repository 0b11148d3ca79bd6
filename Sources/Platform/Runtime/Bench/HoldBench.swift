// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import CNet
import RunMetrics
import SIP

/// What registered endpoints cost that only wait: memory for each, and CPU for all of them and their refreshes.
public struct HoldBench: Sendable {
    /// How they register.
    public var register: RegisterBench
    /// How long they are held.
    public var duration: Interval

    /// A benchmark that registers as `register` does and then waits.
    public init(_ register: RegisterBench, duration: Interval) {
        self.register = register
        self.duration = duration
    }

    /// Runs it.
    /// - Parameters:
    ///   - accounts: reads the accounts; called after the memory of a process without endpoints was noted.
    ///   - secrets: the arena that they are read into.
    public func run(accounts: () throws -> BenchAccounts, secrets: SecretArena) async throws -> HoldBenchResult {
        let driver = register.driver()
        let engine = try await register.engine(driver, secrets: secrets)
        let before = callmeter_memory_used()
        do {
            try await engine.add(register.plans(try accounts()))
        } catch {
            await engine.shutdown()
            throw error
        }
        let registered = await driver.run(on: engine)
        let after = callmeter_memory_used()
        let cpu = ProcessTime.used()
        let begin = SystemClock.now()
        try? await Task.sleep(for: .nanoseconds(duration.nanoseconds))
        let result = HoldBenchResult(
            registrations: registered, memory: Int(after - before), cpu: ProcessTime.used() - cpu,
            held: SystemClock.now() - begin)
        await engine.shutdown()
        return result.completed(dropped: engine.droppedDatagrams)
    }
}

/// What `bench register --hold` prints.
public struct HoldBenchResult: Hashable, Sendable, Codable {
    /// Endpoints that tried to register.
    public var endpoints: Int
    /// Those that did not succeed.
    public var failures: Int
    /// User-space memory for each endpoint: the process's share of resident pages, less what it had before the first one.
    public var bytesPerEndpoint: Double
    /// CPU time for each registration.
    public var cpuMicrosecondsPerOperation: Double
    /// How long they were held.
    public var heldSeconds: Double
    /// CPU time while they were held, of one core's.
    public var idlePercentOfCore: Double
    /// Datagrams that this machine dropped on the engine's sockets.
    public var droppedDatagrams: UInt64 = 0

    init(registrations: BenchResult, memory: Int, cpu: Interval, held: Interval) {
        endpoints = registrations.operations
        failures = registrations.failures
        bytesPerEndpoint = Double(memory) / Double(max(1, registrations.operations))
        cpuMicrosecondsPerOperation = registrations.cpuMicrosecondsPerOperation
        heldSeconds = held.seconds
        idlePercentOfCore = held.nanoseconds == 0 ? 0 : 100 * cpu.seconds / held.seconds
    }

    func completed(dropped: UInt64) -> HoldBenchResult {
        var result = self
        result.droppedDatagrams = dropped
        return result
    }
}
