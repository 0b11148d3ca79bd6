// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
public import Logging
public import Store
public import Vault
public import WorkerLink

/// The use cases of CallMeter: all rules, no HTTP, no SQL, no SIP. Page, API and command line are made of these.
public final class ControlPlane: Sendable {
    /// Projects.
    public let projects: ProjectUseCases
    /// SIP servers under test.
    public let registrars: RegistrarUseCases
    /// SIP accounts.
    public let accounts: AccountUseCases
    /// Saved tests.
    public let tests: TestUseCases
    /// Executions of tests.
    public let runs: RunUseCases
    /// API keys.
    public let access: AccessUseCases
    /// The audit log.
    public let audit: AuditUseCases
    /// Master key and data keys.
    public let vault: VaultUseCases

    private let services: Services
    private let fleet: FleetRegistry
    private let registry: RunRegistry
    private let keeper: LeaseKeeper

    /// Puts the parts together. Leases are judged by the store's own clock.
    ///
    /// - Parameters:
    ///   - digestKeys: makes the keys that workers get instead of passwords; without it they get passwords, also where the realm is
    ///     fixed.
    ///   - keyFolder: where new master keys are written when somebody asks for it from elsewhere.
    ///   - traceSink: hears of the messages of each endpoint whose trace is kept, for another program to show.
    ///   - clock: gives the time of day; without one, the system's is read.
    public init(
        store: any Store, vault: Vault, digestKeys: DigestKeyHash? = nil, keyFolder: String? = nil,
        traceSink: TraceSink? = nil, inspection: MachineInspection? = nil, clock: (@Sendable () -> UnixTime)? = nil,
        leases: LeaseTerms = .standard,
        logger: Logger = Logger(label: "callmeter.control")
    ) {
        services = Services(
            store: store, vault: vault, digestKeys: digestKeys, clock: clock ?? Services.systemClock, leases: leases,
            logger: logger, keyFolder: keyFolder, traceSink: traceSink)
        fleet = FleetRegistry(logger: logger)
        registry = RunRegistry()
        keeper = LeaseKeeper(services: services, registry: registry)
        projects = ProjectUseCases(services: services)
        registrars = RegistrarUseCases(services: services)
        accounts = AccountUseCases(services: services)
        tests = TestUseCases(services: services, fleet: fleet, inspection: inspection)
        runs = RunUseCases(services: services, fleet: fleet, registry: registry, hub: MetricsHub())
        access = AccessUseCases(services: services)
        audit = AuditUseCases(services: services)
        self.vault = VaultUseCases(services: services)
    }

    /// Takes up the data as the one process that runs tests on it: refuses a database of another master key, sweeps what imports
    /// left half done, ends runs that a dead process left open and releases their accounts (D5), goes on with the change of data
    /// keys, and from then on takes back what was not renewed in time. To be called once, before anything is started.
    public func start() async throws(ControlPlaneError) {
        try await services.perform("start") {
            let master = services.vault.masterID
            let noted = try await services.store.noteMasterKey(master)
            guard noted == master else {
                throw VaultError.otherMasterKey(needed: noted, given: master, source: services.vault.source.words)
            }
            let swept = try await services.store.sweepImports()
            if swept > 0 { services.logger.notice("imports swept", metadata: ["count": "\(swept)"]) }
            try await Reconcile(services: services).run()
            try await vault.takeUpAll()
        }
        await keeper.begin()
    }

    /// Takes up a worker's session; returns when the worker has said hello.
    public func attach(_ link: InProcessLink) async { await fleet.attach(link) }

    /// Stops every run, waits for their ends (each is bounded), ends the workers' sessions and closes the store.
    public func shutdown() async {
        await registry.stopAll()
        await keeper.end()
        await fleet.close()
        await services.rotations.close()
        do {
            try await services.store.close()
        } catch {
            services.logger.error("the store did not close cleanly", metadata: ["cause": "\(error)"])
        }
    }
}
