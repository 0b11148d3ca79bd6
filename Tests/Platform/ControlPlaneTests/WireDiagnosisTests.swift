// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import PBX
import RunMetrics
import Runtime
import Store
import Testing

/// Rows of G2 from the wire to the stored result: fifty endpoints, ten of whose accounts the server treats badly.
@Suite(.timeLimit(.minutes(3))) struct WireDiagnosisTests {
    /// Places in the run; callers only, so that each has a partner without a fault.
    static let places: [UInt32] = [1, 3, 4, 8, 11, 12, 15, 19, 20, 24]

    static let rows: [(fault: String, cause: DiagnosisCause)] = [
        ("wrong-password=", .wrongCredentials), ("403=", .registrationForbidden), ("404=", .unknownUser),
        ("extra-bindings@", .accountInUse), ("call-refused=404@", .callRefused), ("max-contacts@", .tooManyContacts),
    ]

    @Test(arguments: rows.indices)
    func `G2: ten of fifty endpoints have the fault, those ten have the diagnosis, their partners and the others none`(
        row: Int
    ) async throws {
        let (name, cause) = Self.rows[row]
        let users = Self.places.map { Office.username(Int($0) + 1) }.joined(separator: ",")
        let exchange = try await Exchange(accounts: 50, faults: [PBXFault(name + users)])
        let office = try await Office(store: .inMemory(), port: exchange.server.address.port)
        try await office.importLines(Office.lines(50))
        let crew = await Crew(for: office.control, logger: office.log)
        let run = try await office.control.runs.start(
            try await office.intraTest(endpoints: 50), by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        let diagnoses = try #require(view.summary).diagnoses
        #expect(diagnoses.map(\.cause) == [cause], "\(diagnoses)")
        #expect(diagnoses.first?.endpoints == Self.places && diagnoses.first?.confidence == .certain)
        #expect(diagnoses.first?.evidence.isEmpty == false && diagnoses.first?.remedy.isEmpty == false)
        let endpoints = try await office.control.runs.endpoints(
            of: run.id, EndpointQuery(page: PageRequest(perPage: 100)), by: .commandLine
        ).items
        #expect(endpoints.count == 50)
        for endpoint in endpoints {
            let isMet = Self.places.contains(endpoint.result.index)
            #expect(endpoint.diagnosis == (isMet ? cause.rawValue : nil), "\(endpoint.result.index)")
            if !isMet { #expect(endpoint.result.outcome.severity <= 1) }
        }
        await crew.dismiss()
        await exchange.server.shutdown()
    }

    @Test func `G2 D4: a pool that is too small is a diagnosis of the run, with the numbers and what to add`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        try await office.importLines(Office.lines(7))
        let crew = await Crew(for: office.control, logger: office.log)
        let run = try await office.control.runs.start(
            try await office.intraTest(endpoints: 10), by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        let diagnosis = try #require(view.summary?.diagnoses.first)
        #expect(diagnosis.cause == .insufficientAccounts && diagnosis.endpoints.isEmpty)
        #expect(diagnosis.evidence.first?.contains("needs 10, has 7, missing 3") == true)
        #expect(diagnosis.remedy.contains("Add 3 accounts") && diagnosis.remedy.contains("lower its endpoints to 7"))
        await crew.dismiss()
    }
}
