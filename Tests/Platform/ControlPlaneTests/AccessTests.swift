// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Domain
import Store
import Testing

@Suite struct AccessTests {
    @Test func `a key is cmk_ and 40 base62 characters, opens the door with its role, and no more once revoked`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        let access = office.control.access
        let made = try await access.createKey(name: "ci", role: .tester, by: .commandLine)
        let text = made.key.withBytes { String(decoding: $0, as: UTF8.self) }
        #expect(text.wholeMatch(of: /cmk_[0-9A-Za-z]{40}/) != nil)
        let bearer = try #require(made.key.withBytes { AccessUseCases.Bearer($0) })
        let principal = try await access.authenticate(bearer)
        #expect(principal.role == .tester)
        try await access.revoke(made.record.id, by: .commandLine)
        do {
            _ = try await access.authenticate(bearer)
            Issue.record("a revoked key was accepted")
        } catch {
            #expect(error.code == .unauthenticated)
        }
    }

    @Test func `two keys differ, and the list holds hashes only`() async throws {
        let office = try await Office(store: .inMemory())
        let one = try await office.control.access.createKey(name: "a", role: .viewer, by: .commandLine)
        let two = try await office.control.access.createKey(name: "b", role: .viewer, by: .commandLine)
        #expect(one.record.hash != two.record.hash)
        let text = one.key.withBytes { String(decoding: $0, as: UTF8.self) }
        #expect(!"\(try await office.control.access.keys(by: .commandLine))".contains(text))
        #expect(!office.log.text.contains(text))
    }

    @Test(arguments: ["", "cmk_short", "xmk_0123456789012345678901234567890123456789"])
    func `what cannot be a key is no bearer`(text: String) {
        #expect(Array(text.utf8).withUnsafeBytes { AccessUseCases.Bearer($0) } == nil)
    }

    @Test func `roles allow what they should: a tester starts runs and changes nothing, a viewer starts none`()
        async throws
    {
        let office = try await Office(store: .inMemory())
        let tester = Principal(name: "t", role: .tester)
        let viewer = Principal(name: "v", role: .viewer)
        let test = try await office.intraTest(endpoints: 2)
        func code(_ body: () async throws(ControlPlaneError) -> Void) async -> ErrorCode? {
            do throws(ControlPlaneError) { try await body() } catch { return error.code }
            return nil
        }
        #expect(
            await code { () async throws(ControlPlaneError) in _ = try await office.control.runs.start(test, by: viewer)
            } == .forbidden)
        #expect(
            await code { () async throws(ControlPlaneError) in _ = try await office.control.runs.start(test, by: tester)
            } == nil)
        #expect(
            await code { () async throws(ControlPlaneError) in try await office.control.tests.delete(test, by: tester) }
                == .forbidden)
        #expect(
            await code { () async throws(ControlPlaneError) in
                _ = try await office.control.access.createKey(name: "k", role: .admin, by: tester)
            }
                == .forbidden)
    }

    @Test func `a key of one project sees nothing of another`() async throws {
        let office = try await Office(store: .inMemory())
        let other = try await office.control.projects.create(name: "Other", by: .commandLine)
        let stranger = Principal(name: "s", role: .admin, project: other.id)
        do {
            _ = try await office.control.registrars.get(office.registrar, by: stranger)
            Issue.record("a foreign registrar was shown")
        } catch {
            #expect(error.code == .notFound)
        }
        #expect(try await office.control.projects.list(by: stranger).map(\.name) == ["Other"])
    }
}
