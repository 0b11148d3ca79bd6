// SPDX-License-Identifier: Apache-2.0

import Bedrock
import RunMetrics
import SIP
import Testing
import UserAgent

@Suite struct RegistrationTests {
    /// A stage whose server answers the n-th REGISTER with the n-th entry, the last one for ever.
    private func stage(
        _ script: [(SIPText) -> String], _ change: (inout EndpointPlan) -> Void = { _ in }
    ) -> Stage {
        let stage = Stage()
        stage.add(0, "alice", change)
        var step = 0
        stage.server = { request in
            defer { step += 1 }
            return script.isEmpty ? [] : [script[min(step, script.count - 1)](request)]
        }
        return stage
    }

    private func finished(_ stage: Stage) -> EndpointResult? {
        stage.perform(.finish(endpoint: 0))
        stage.pass(.seconds(40))
        return stage.result(0)
    }

    @Test(arguments: [false, true])
    func `a challenge is answered once and the 200 registers (F1)`(isProxy: Bool) throws {
        let stage = stage([{ Challenge401(nonce: "n1", isProxy: isProxy).answer($0) }, { $0.registered(expires: 600) }])
        stage.register(0)
        #expect(stage.events.contains(.registered(endpoint: 0, at: Stage.start)))
        let registers = stage.requests("REGISTER")
        #expect(registers.count == 2)
        #expect(registers[1].credential("username", proxy: isProxy) == "alice")
        #expect(registers[1].credential("nonce", proxy: isProxy) == "n1")
        #expect(registers[1].credential("uri", proxy: isProxy) == "sip:example.org")
        #expect(registers[1].credential("nc", proxy: isProxy) == "00000001")
        let result = try #require(finished(stage))
        #expect(result.outcome == .success && result.phase == .closed)
        #expect(result.registration.attempts == 2 && result.registration.challenges == 1)
        #expect(result.registration.grantedExpires == 600 && result.registration.finalStatus?.code == 200)
        #expect(result.registration.offeredRealms == ["example.org"] && result.registration.unregistered == true)
        #expect(stage.shard.isIdle && stage.shard.openEndpoints == 0)
    }

    @Test func `each REGISTER is correct on the wire (RFC 3261 §8.1.1, §10.2)`() throws {
        let stage = stage([{ Challenge401(nonce: "n1").answer($0) }, { $0.registered() }])
        stage.register(0)
        _ = finished(stage)
        let registers = stage.requests("REGISTER")
        #expect(registers.count == 3)
        #expect(Set(registers.map(\.branch)).count == 3)
        #expect(registers.allSatisfy { $0.branch.hasPrefix("z9hG4bK") })
        #expect(registers.map(\.cSeqNumber) == [1, 2, 3])
        #expect(Set(registers.map { $0["Call-ID"] }).count == 1 && Set(registers.map { $0.fromTag }).count == 1)
        for register in registers {
            #expect(register.startLine == "REGISTER sip:example.org SIP/2.0")
            #expect(register["Via"]?.hasPrefix("SIP/2.0/UDP 198.51.100.1:6000;rport;branch=") == true)
            #expect(register["Max-Forwards"] == "70" && register["Content-Length"] == "0")
            #expect(register["From"]?.hasPrefix("<sip:alice@example.org>;tag=") == true)
            #expect(register["To"] == "<sip:alice@example.org>")
            #expect(register["Contact"] == "<sip:alice@198.51.100.1:6000>")
        }
        #expect(registers.map { $0["Expires"] } == ["3600", "3600", "0"])
        // The nonce is used again without being asked, with the next count (RFC 7616 §3.4).
        #expect(registers[2].credential("nc") == "00000002")
    }

    @Test func `the same nonce again is a wrong password: one answer, no third try (F4)`() throws {
        let stage = stage([{ Challenge401(nonce: "n1").answer($0) }])
        stage.register(0)
        #expect(stage.requests("REGISTER").count == 2)
        #expect(stage.events.contains(.registrationFailed(endpoint: 0, at: Stage.start)))
        let result = try #require(finished(stage))
        #expect(result.outcome == .registrationFailed && result.registration.finalStatus?.code == 401)
        #expect(result.registration.credentialsSent && result.registration.challenges == 2)
        #expect(stage.requests("REGISTER").count == 2, "nothing to un-register")
    }

    @Test func `a new nonce without stale is answered once more`() throws {
        var count = 0
        let stage = stage([
            { request in
                count += 1
                return Challenge401(nonce: "n\(count)").answer(request)
            }
        ])
        stage.register(0)
        #expect(stage.requests("REGISTER").count == 3)
        #expect(try #require(finished(stage)).outcome == .registrationFailed)
    }

    @Test func `stale is answered silently, but not for ever`() throws {
        var count = 0
        let stage = stage([
            { request in
                count += 1
                return Challenge401(nonce: "n\(count)", more: count > 1 ? ", stale=true" : "").answer(request)
            }
        ])
        stage.register(0)
        let tries = stage.requests("REGISTER").count
        #expect(tries > 3 && tries < 12)
        #expect(try #require(finished(stage)).outcome == .registrationFailed)

        let good = self.stage([
            { Challenge401(nonce: "a").answer($0) }, { Challenge401(nonce: "b", more: ", stale=true").answer($0) },
            { Challenge401(nonce: "c", more: ", stale=TRUE").answer($0) }, { $0.registered() },
        ])
        good.register(0)
        #expect(try #require(finished(good)).outcome == .success)
    }

    @Test func `a fixed realm that is not offered stops and keeps what was offered (F2)`() throws {
        let stage = stage([{ Challenge401(realm: "other.org", nonce: "n").answer($0) }]) {
            $0.realm = Array("example.org".utf8)
        }
        stage.register(0)
        let result = try #require(finished(stage))
        #expect(stage.requests("REGISTER").count == 1)
        #expect(result.registration.missingRealm == "example.org" && result.registration.offeredRealms == ["other.org"])
        #expect(!result.registration.credentialsSent && result.outcome == .registrationFailed)
    }

    @Test func `a fixed realm is found among several challenges (F2)`() throws {
        let stage = stage([
            {
                $0.response(
                    401, "No",
                    [Challenge401(realm: "a", nonce: "1").header, Challenge401(realm: "b", nonce: "2").header])
            }, { $0.registered() },
        ]) { $0.realm = Array("b".utf8) }
        stage.register(0)
        #expect(stage.requests("REGISTER").last?.credential("realm") == "b")
        #expect(try #require(finished(stage)).registration.offeredRealms == ["a", "b"])
    }

    @Test func `a realm that changes is followed a bounded number of times (F3)`() throws {
        var count = 0
        let stage = stage([
            { request in
                count += 1
                return Challenge401(realm: "r\(count)", nonce: "n\(count)").answer(request)
            }
        ])
        stage.register(0)
        #expect(stage.requests("REGISTER").count == 5)
        let result = try #require(finished(stage))
        #expect(result.outcome == .registrationFailed && result.registration.offeredRealms.count == 5)
    }

    @Test(arguments: ["Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"n\", algorithm=SHA3-256"])
    func `a challenge that cannot be answered fails with its reason`(challenge: String) throws {
        let stage = stage([{ $0.response(401, "No", ["WWW-Authenticate: \(challenge)"]) }])
        stage.register(0)
        let result = try #require(finished(stage))
        #expect(result.registration.unsupportedChallenge && stage.requests("REGISTER").count == 1)
    }

    @Test(arguments: [403, 404, 500, 503, 600, 302])
    func `a refusal fails at once with its status`(status: Int) throws {
        let wait = [500, 503].contains(status) ? "700" : "7"
        let stage = stage([
            { $0.response(status, "No", ["Server: PBX", "Retry-After: \(wait)", "Warning: 399 x \"y\""]) }
        ])
        stage.register(0)
        let result = try #require(finished(stage))
        #expect(result.outcome == .registrationFailed && stage.requests("REGISTER").count == 1)
        #expect(result.registration.finalStatus == SIPStatus(code: UInt16(status), reason: "No"))
        #expect(result.registration.server == "PBX" && result.registration.retryAfter == UInt32(wait))
        #expect(result.registration.warning == "399 x \"y\"")
    }

    @Test func `423 is met with its minimum (RFC 3261 §10.2.8)`() throws {
        let stage = stage([{ $0.response(423, "No", ["Min-Expires: 7200"]) }, { $0.registered(expires: 7200) }])
        stage.register(0)
        #expect(stage.requests("REGISTER").map { $0["Expires"] } == ["3600", "7200"])
        #expect(try #require(finished(stage)).registration.grantedExpires == 7200)

        let endless = self.stage([{ $0.response(423, "No", ["Min-Expires: \(Int($0["Expires"] ?? "")! + 1)"]) }])
        endless.register(0)
        #expect(endless.requests("REGISTER").count == 3)
    }

    @Test func `silence ends with timer F after 11 sendings and 32 s (RFC 3261 §17.1.2.2)`() throws {
        let stage = stage([])
        stage.register(0)
        stage.pass(.milliseconds(31_999))
        #expect(!stage.events.contains { if case .registrationFailed = $0 { true } else { false } })
        stage.pass(.milliseconds(1))
        #expect(stage.events.contains(.registrationFailed(endpoint: 0, at: Stage.start + .seconds(32))))
        // 0, 0.5, 1.5, 3.5, then every 4 s up to 31.5 s: the times of RFC 3261 §17.1.2.2.
        #expect(stage.requests("REGISTER").count == 11)
        #expect(Set(stage.requests("REGISTER").map(\.description)).count == 1)
        let result = try #require(finished(stage))
        #expect(result.registration.transportFault == .silence && result.registration.retransmissions == 10)
        #expect(result.registration.finalStatus == nil)
    }

    @Test func `an ICMP refusal fails at once and says so (G2)`() throws {
        let stage = stage([])
        stage.register(0)
        stage.shard.sendRefused(flow: FlowID(raw: 1), destination: Stage.server, fault: .refused, now: stage.now)
        stage.settle()
        let result = try #require(finished(stage))
        #expect(result.registration.transportFault == .refused && result.outcome == .registrationFailed)
        #expect(stage.shard.isIdle)
    }

    @Test func `the binding is refreshed before it ends, as long as the endpoint lives`() throws {
        let stage = stage([{ $0.registered(expires: 100) }])
        stage.register(0)
        // At nine tenths of the time at the latest, and by chance up to a tenth sooner.
        stage.pass(.seconds(80))
        #expect(stage.requests("REGISTER").count == 1)
        stage.pass(.seconds(10))
        #expect(stage.requests("REGISTER").count == 2)
        stage.pass(.seconds(900))
        let count = stage.requests("REGISTER").count
        #expect((11...14).contains(count) && stage.requests("REGISTER").map(\.cSeqNumber) == Array(1...count))
        #expect(stage.events.filter { if case .registered = $0 { true } else { false } }.count == 1)
        #expect(try #require(finished(stage)).outcome == .success)
    }

    @Test func `other contacts in the 200 are counted`() throws {
        let stage = stage([
            { $0.registered(others: ["<sip:alice@10.0.0.9>;expires=50", "<sip:x@[2001:db8::1]:5062>"]) }
        ])
        stage.register(0)
        let result = try #require(finished(stage))
        #expect(result.registration.otherBindings == 2 && result.registration.grantedExpires == 3600)
    }

    @Test func `the delay counts from the planned moment and from the sending apart`() throws {
        let stage = stage([{ $0.registered() }])
        let planned = stage.now + .milliseconds(100)
        stage.perform(.register(endpoint: 0, at: planned))
        stage.pass(.milliseconds(99))
        #expect(stage.requests.isEmpty)
        stage.now = planned + .milliseconds(3)
        stage.shard.advance(to: stage.now)
        stage.settle()
        let result = try #require(finished(stage))
        #expect(result.registration.scheduledAt == .milliseconds(100))
        #expect(result.registration.sentAt == .milliseconds(103))
        #expect(result.registration.registeredAt == .milliseconds(103) && result.registration.delay == .zero)
    }

    @Test func `an endpoint told to finish while it registers un-registers what it got`() throws {
        let stage = stage([])
        stage.register(0)
        let first = try #require(stage.requests("REGISTER").first)
        stage.perform(.finish(endpoint: 0))
        #expect(stage.result(0) == nil)
        stage.server = { [$0.registered()] }
        stage.deliver(first.registered(), to: 0)
        #expect(stage.requests("REGISTER").last?["Expires"] == "0")
        #expect(stage.result(0)?.registration.unregistered == true)
    }

    @Test func `an un-REGISTER that nobody answers is bounded`() throws {
        let stage = stage([{ $0.registered() }])
        stage.register(0)
        stage.server = { _ in [] }
        let result = try #require(finished(stage))
        #expect(result.registration.unregistered == false && result.outcome == .success)
        #expect(stage.shard.isIdle)
    }

    @Test func `at the shard's deadline everything is closed`() throws {
        let stage = stage([{ $0.registered() }])
        stage.register(0)
        stage.server = { _ in [] }
        stage.perform(.finishAll(deadline: stage.now + .seconds(3)))
        stage.pass(.seconds(3))
        let result = try #require(stage.result(0))
        #expect(result.registration.unregistered == false && result.outcome == .teardownError)
        #expect(stage.shard.openEndpoints == 0)
    }

    @Test func `an endpoint that never began or was abandoned is not attempted (H2)`() throws {
        let stage = stage([])
        stage.add(1, "bob")
        stage.perform(.finish(endpoint: 0))
        stage.perform(.abandon(endpoint: 1, partner: 0))
        #expect(stage.result(0)?.outcome == .notAttempted)
        #expect(stage.result(1)?.outcome == .notAttempted && stage.result(1)?.partner == 0)
        #expect(stage.requests.isEmpty)
    }

    @Test func `a connection's endpoint waits for it and fails with it`() throws {
        let stage = stage([{ $0.registered() }]) {
            $0.transport = .tcp
            $0.localAddress.port = 0
        }
        stage.register(0)
        #expect(stage.requests.isEmpty)
        stage.shard.flowOpened(FlowID(raw: 1), local: TransportAddress(198, 51, 100, 1, port: 40_000), now: stage.now)
        stage.settle()
        let register = try #require(stage.requests.first)
        #expect(register["Via"]?.hasPrefix("SIP/2.0/TCP 198.51.100.1:40000;rport;branch=") == true)
        #expect(register["Contact"] == "<sip:alice@198.51.100.1:40000;transport=tcp>")
        stage.opening = { _ in .refused }
        stage.lose(FlowID(raw: 1))
        let result = try #require(finished(stage))
        #expect(result.registration.transportFault == .refused && result.outcome == .registrationFailed)

        let refused = self.stage([]) { $0.localAddress.port = 0 }
        refused.register(0)
        refused.shard.flowFailed(FlowID(raw: 1), fault: .refused, now: refused.now)
        refused.settle()
        #expect(try #require(finished(refused)).registration.transportFault == .refused)
    }

    @Test func `a user that a URI cannot hold as it is is escaped, display name and extension are used (F7)`() throws {
        let stage = stage([{ Challenge401(nonce: "n").answer($0) }, { $0.registered() }]) {
            $0.addressUser = Array("a@b c%".utf8)
            $0.displayName = Array("Al \"x\"".utf8)
        }
        stage.register(0)
        let register = try #require(stage.requests.last)
        #expect(register["To"] == "\"Al \\\"x\\\"\" <sip:a%40b%20c%25@example.org>")
        #expect(register["Contact"] == "<sip:a%40b%20c%25@198.51.100.1:6000>")
        #expect(register.credential("username") == "alice")
    }

    @Test func `windows count what happened`() {
        let stage = stage([{ Challenge401(nonce: "n").answer($0) }, { $0.registered() }])
        stage.register(0)
        let window = stage.shard.takeWindow(second: 0)
        #expect(window.registrationsStarted == 1 && window.registrationsSucceeded == 1 && window.registered == 1)
        #expect(window.messagesSent == 2 && window.messagesReceived == 2)
        _ = finished(stage)
        #expect(stage.shard.takeWindow(second: 1).registered == 0)
    }

    @Test func `a Contact left behind is removed first, exactly as it was, then the endpoint registers (D5)`() throws {
        let stage = stage([
            { Challenge401(nonce: "n").answer($0) }, { $0.response(200, "OK") }, { $0.registered() },
        ]) { $0.staleContact = Array("<sip:alice@10.0.0.1:7000>".utf8) }
        stage.register(0)
        let registers = stage.requests("REGISTER")
        #expect(registers.map { $0["Expires"] } == ["0", "0", "3600"])
        #expect(
            registers[0]["Contact"] == "<sip:alice@10.0.0.1:7000>" && registers[1]["Contact"] == registers[0]["Contact"]
        )
        #expect(
            registers[2]["Contact"] == "<sip:alice@198.51.100.1:6000>" && registers[2].credential("nc") == "00000002")
        let result = try #require(finished(stage))
        #expect(result.outcome == .success && result.registration.attempts == 1)
        #expect(result.registration.boundContact == nil && result.registration.boundUntil == nil)
    }

    @Test func `a Contact that cannot be removed keeps nobody from registering, a wrong password does (F4)`() throws {
        let refused = stage([{ $0.response(400, "No") }, { $0.registered() }]) {
            $0.staleContact = Array("<sip:x@y>".utf8)
        }
        refused.register(0)
        #expect(try #require(finished(refused)).outcome == .success)
        let wrong = stage([{ Challenge401(nonce: "n").answer($0) }]) { $0.staleContact = Array("<sip:x@y>".utf8) }
        wrong.register(0)
        #expect(wrong.requests("REGISTER").count == 2)
        let result = try #require(finished(wrong))
        #expect(result.outcome == .registrationFailed && result.registration.finalStatus?.code == 401)
    }

    @Test func `a binding that could not be removed is named for the account's next use (D5)`() throws {
        let stage = stage([{ $0.registered(expires: 600) }])
        stage.register(0)
        stage.server = { _ in [] }
        let result = try #require(finished(stage))
        #expect(result.registration.boundContact == "<sip:alice@198.51.100.1:6000>")
        #expect(result.registration.boundUntil == .seconds(600))
    }

    @Test func `the nonce that a server announces is the next one used (RFC 7616 §3.5)`() throws {
        let stage = stage([
            { Challenge401(nonce: "n1").answer($0) },
            { $0.response(200, "OK", ["Authentication-Info: nextnonce=\"n2\"", "Expires: 100"]) }, { $0.registered() },
        ])
        stage.register(0)
        stage.pass(.seconds(95))
        let refresh = try #require(stage.requests("REGISTER").last)
        #expect(refresh.credential("nonce") == "n2" && refresh.credential("nc") == "00000001")
    }

    @Test func `a prepared key answers only challenges of its own hash function`() throws {
        let offers = [", algorithm=SHA-256", ", algorithm=MD5"].map { Challenge401(nonce: "n", more: $0).header }
        let stage = Stage()
        // H("alice:example.org:secret") by Python's hashlib.
        stage.add(0, "alice") {
            $0.credential = .ha1(stage.arena.store("543e1aec5d3614f03141652d6ada51b2"), .md5)
            $0.realm = Array("example.org".utf8)
        }
        stage.server = { request in [request.response(401, "No", offers)] }
        stage.register(0)
        #expect(stage.requests("REGISTER").count == 2)
        #expect(stage.requests("REGISTER")[1].credential("algorithm") == "MD5")
    }

    @Test func `commands to strangers and to endpoints that are done are ignored`() throws {
        let stage = stage([{ $0.registered() }])
        stage.perform(.register(endpoint: 9, at: stage.now))
        stage.perform(.finish(endpoint: 9))
        stage.register(0)
        stage.register(0)
        #expect(stage.requests.count == 1)
        stage.perform(.finishAll(deadline: stage.now + .seconds(60)))
        #expect(stage.shard.isIdle && stage.shard.nextDeadline == nil, "no deadline stays behind")
        for command: AgentCommand in [
            .register(endpoint: 0, at: stage.now), .call(endpoint: 0, target: .uri([]), at: stage.now),
            .hangUp(endpoint: 0), .finish(endpoint: 0), .abandon(endpoint: 0, partner: nil),
            .finishAll(deadline: stage.now),
        ] { stage.perform(command) }
        #expect(stage.requests.count == 2 && stage.result(0)?.outcome == .success)
    }
}
