// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import Runtime
import SIP
import Store
import Testing
import WorkerLink

@Suite(.timeLimit(.minutes(3))) struct DigestKeyTests {
    @Test(arguments: DigestAlgorithm.all)
    func `E2 accounts of a fixed realm register by every algorithm without their passwords leaving the controller`(
        algorithm: DigestAlgorithm
    ) async throws {
        let exchange = try await Exchange(accounts: 3, algorithms: [algorithm])
        let office = try await Office(store: .inMemory(), port: exchange.server.address.port)
        try await office.add(1...3, realm: "callmeter")
        let crew = await Crew(for: office.control, logger: office.log)
        let test = try await office.intraTest(endpoints: 3, callee: "none")
        let run = try await office.control.runs.start(test, by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        #expect(view.summary?.endpoints.byOutcome == ["SUCCESS": 3], "\(String(describing: view.summary?.diagnoses))")
        await crew.dismiss()
        await exchange.server.shutdown()
    }

    @Test func `E2 what a worker is sealed for a fixed realm are its digest keys, for an automatic one the password`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        try await office.add(1...1, realm: "callmeter")
        try await office.add(2...2, realm: nil)
        let worker = ScriptedWorker()
        let (assignments, found) = AsyncStream.makeStream(of: SegmentAssignment.self)
        _ = worker.answer { frame, _ in if case .assign(let assignment) = frame { found.yield(assignment) } }
        await worker.attach(to: office.control)
        let test = try await office.intraTest(endpoints: 2)
        _ = try await office.control.runs.start(test, by: .commandLine)
        var iterator = assignments.makeAsyncIterator()
        let assignment = try #require(await iterator.next())
        #expect(assignment.endpoints.map(\.kind) == [.digestKeys, .password])

        let opened = try Self.open(assignment, with: worker.key)
        // user-001:callmeter:canary-7919-Qz by openssl dgst -md5, -sha256 and -sha512-256.
        let keys =
            "ef389e1e17fc0e7c8ff8a817f9600f95" + "197e2658d8ed391ae0547a0183d1ca1a3dfa2a01c44afe3e13829d5f8a3abeb4"
            + "09a4f7a6c9662bcf4601160e658807d92ebe771ac11c22eb456c176a3d9ca476"
        #expect(Self.hex(opened[0]) == keys)
        #expect(opened[1] == Array(Office.password(2).utf8))
        worker.link.close()
    }

    @Test func `E2 F2 a fixed realm that the server does not offer still ends in the diagnosis that names both`()
        async throws
    {
        let exchange = try await Exchange(accounts: 2)
        let office = try await Office(store: .inMemory(), port: exchange.server.address.port)
        try await office.add(1...1, realm: "sip.example.com")
        try await office.add(2...2, realm: "callmeter")
        let crew = await Crew(for: office.control, logger: office.log)
        let test = try await office.intraTest(endpoints: 2, callee: "none")
        let run = try await office.control.runs.start(test, by: .commandLine)
        let view = try await office.control.runs.waitForEnd(of: run.id, by: .commandLine)
        let summary = try #require(view.summary)
        #expect(summary.endpoints.byOutcome == ["SUCCESS": 1, "REGISTRATION_FAILED": 1])
        #expect(summary.diagnoses.map(\.cause) == [.realmMismatch])
        #expect(summary.diagnoses.first?.evidence.contains { $0.contains("callmeter") } == true, "\(summary.diagnoses)")
        await crew.dismiss()
        await exchange.server.shutdown()
    }

    private static func open(_ assignment: SegmentAssignment, with key: SessionKey) throws -> [[UInt8]] {
        var opener = try key.opener(
            encapsulatedKey: assignment.encapsulatedKey,
            context: SegmentAssignment.sealingContext(run: assignment.run, fence: assignment.fence))
        let arena = SecretArena()
        return try assignment.endpoints.map { endpoint in
            let handle = try opener.open(endpoint.sealed, kind: endpoint.kind, endpoint: endpoint.index, into: arena)
            return arena.withBytes(of: handle) { Array($0) }
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}

extension Office {
    /// Adds accounts singly, which can have a realm.
    fileprivate func add(_ numbers: ClosedRange<Int>, realm: String?) async throws {
        for number in numbers {
            let text = Array(Office.password(number).utf8)
            let password = SecretBytes(count: text.count) { $0.copyBytes(from: text) }
            _ = try await control.accounts.add(
                username: Office.username(number), password: password, realm: realm, to: registrar, by: .commandLine)
        }
    }
}
