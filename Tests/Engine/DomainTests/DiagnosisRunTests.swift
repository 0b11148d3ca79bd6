// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing

/// Causes that only the endpoints of a run together tell, and what they say of themselves.
@Suite struct DiagnosisRunTests {
    typealias Edit = (inout EndpointResult) -> Void

    /// An endpoint that registered at its turn, 40 ms after the one before.
    static func good(_ index: UInt32, _ edit: Edit = { _ in }) -> EndpointResult {
        var result = EndpointResult(index: index, group: "g", username: "u\(index)")
        result.registration.attempts = 2
        result.registration.credentialsSent = true
        result.registration.challenges = 1
        result.registration.offeredRealms = ["pbx"]
        result.registration.sentAt = .milliseconds(40 * Int(index))
        result.registration.firstResponseAt = .milliseconds(40 * Int(index) + 1)
        result.registration.registeredAt = .milliseconds(40 * Int(index) + 2)
        result.registration.lastResponseAt = .seconds(60)
        result.registration.finalStatus = SIPStatus(code: 200, reason: "OK")
        result.registration.unregistered = true
        edit(&result)
        return result
    }

    /// The same, refused with 401 although it sent credentials.
    static func refused(_ index: UInt32) -> EndpointResult {
        good(index) {
            $0.outcome = .registrationFailed
            $0.registration.registeredAt = nil
            $0.registration.finalStatus = SIPStatus(code: 401, reason: "Unauthorized")
            $0.registration.nonceAfterRefusal = .new
            $0.registration.localAddress = "192.0.2.9:5060"
        }
    }

    static func silent(_ index: UInt32) -> EndpointResult {
        good(index) {
            $0.outcome = .registrationFailed
            $0.registration.registeredAt = nil
            $0.registration.firstResponseAt = nil
            $0.registration.lastResponseAt = nil
            $0.registration.finalStatus = nil
            $0.registration.transportFault = .silence
        }
    }

    static func caller(_ index: UInt32, _ outcome: EndpointOutcome, _ edit: @escaping (inout CallEvidence) -> Void)
        -> EndpointResult
    {
        good(index) {
            $0.outcome = outcome
            $0.partner = index + 100
            var call = CallEvidence(role: .caller, target: "sip:b@pbx")
            call.invitedAt = .seconds(10) + .milliseconds(Int(index))
            edit(&call)
            $0.calls = [call]
        }
    }

    static func causes(_ results: [EndpointResult]) -> [DiagnosisCause?] { Diagnosis.causes(of: results) }

    static func run(_ pattern: String) -> [EndpointResult] {
        pattern.enumerated().map { place, letter in
            switch letter {
            case "x": refused(UInt32(place))
            case "-": silent(UInt32(place))
            default: good(UInt32(place))
            }
        }
    }

    @Test func `refusals in spells are a limit on authentication, with a rate that came through`() throws {
        let results = Self.run("ooooooooxxxxxxxxxxooooooooxxxxxxxxxxooooooooxxxxxx")
        let diagnosis = try #require(Diagnosis.explain(results).first)
        #expect(diagnosis.cause == .authenticationRateLimited && diagnosis.count == 26)
        #expect(diagnosis.confidence == .likely)
        // 24 came through in 1.96 s: 12 a second, of which four fifths are suggested.
        #expect(diagnosis.remedy.contains("registrations: 9/s"), "\(diagnosis.remedy)")
        #expect(Diagnosis.explain(results).count == 1)
    }

    @Test(arguments: [
        "oxooxoooooxooxxooooxoooxooooooxooooxxoooooxoooxooo", "xxxxxxxxxxxxxxxxxxxxxxxxx", "oooooooooooooooooooooooxxx",
    ])
    func `refusals here and there, of all, and of the last accounts are wrong passwords`(pattern: String) {
        let found = Set(Self.causes(Self.run(pattern)).compactMap(\.self))
        #expect(found == [.wrongCredentials])
    }

    @Test func `two spells after as many good ones are a limit, two blocks of wrong accounts anywhere are not`() {
        #expect(
            Set(Self.causes(Self.run("ooooooooxxxxxxxxxxxxxxxooooooooxxxxxxxxxxxxxoooooo")).compactMap(\.self))
                == [.authenticationRateLimited])
        #expect(
            Set(Self.causes(Self.run("oooooooooooooooxxxxxxxooooooxxxxxxxoooooooooooooooo")).compactMap(\.self))
                == [.wrongCredentials])
    }

    @Test func `refusals of one block are told with the doubt that a limit leaves`() throws {
        let diagnosis = try #require(Diagnosis.explain(Self.run("oooooooooooooooooooxxxxxxxxxxxxxxx")).first)
        #expect(diagnosis.cause == .wrongCredentials && diagnosis.confidence == .likely)
        #expect(diagnosis.evidence.contains { $0.contains("a limiter would look the same") })
    }

    @Test func `refusals of accounts that are accepted later in the same run are a limit`() {
        var results = Self.run("ooooooooxxxxxxxxoooooooo")
        results[8].registration.registeredAt = .seconds(3)
        results[8].outcome = .success
        results[8].steps = [Step(at: .seconds(1), method: .register, status: 401)]
        #expect(Set(Self.causes(results).compactMap(\.self)) == [.authenticationRateLimited])
    }

    @Test func `silence after many good answers is a limiter that drops, not a firewall; silence here and there is`() {
        #expect(Set(Self.causes(Self.run("ooooooooooooooo----------")).compactMap(\.self)) == [.requestsDropped])
        #expect(Set(Self.causes(Self.run("oo-ooo-o-oooo-oo-oooo-ooo")).compactMap(\.self)) == [.noAnswer])
        #expect(Set(Self.causes(Self.run("-------------------------")).compactMap(\.self)) == [.noAnswer])
    }

    @Test func `a limiter that ended is certain, one that never did is likely`() {
        let ended = Diagnosis.explain(Self.run("ooooooooooooooo----------"))
        var results = Self.run("ooooooooooooooo----------")
        for place in results.indices {
            results[place].registration.lastResponseAt = results[place].registration.registeredAt
        }
        let lasting = Diagnosis.explain(results)
        #expect(ended.map(\.confidence) == [.certain] && lasting.map(\.confidence) == [.likely])
    }

    @Test func `a refused request between answers is a restart; without a later answer the server stopped`() {
        let lost = Self.caller(1, .callFailed) { $0.transportFault = .refused }
        var failed = lost
        failed.steps = [Step(at: .seconds(10), method: .invite, status: 0, fault: .refused)]
        #expect(Self.causes([Self.good(0), failed]) == [nil, .serverRestarted])
        failed.registration.lastResponseAt = .seconds(5)
        let early = Self.good(0) { $0.registration.lastResponseAt = .seconds(5) }
        #expect(Self.causes([early, failed]) == [nil, .serverStopped])
    }

    @Test func `an INVITE without an answer beside a living registration is a lost path; a NAT in between is said`()
        throws
    {
        var failed = Self.caller(1, .timeout) { $0.transportFault = .silence }
        #expect(Self.causes([failed]) == [.pathLost])
        #expect(Diagnosis.explain([failed]).first?.confidence == .likely)
        failed.path = PathEvidence()
        failed.path?.publicAddress = "203.0.113.7:40000"
        let found = try #require(Diagnosis.explain([failed]).first)
        #expect(found.confidence == .certain && found.evidence.contains { $0.contains("203.0.113.7:40000") })
        failed.path = nil
        failed.registration.unregistered = false
        failed.registration.lastResponseAt = .seconds(1)
        failed.steps = [Step(at: .seconds(42), method: .invite, status: 0, fault: .silence)]
        #expect(Self.causes([failed]) == [.serverStopped])
    }

    @Test
    func `calls refused as unknown to callees that are registered are a lost location only after calls that worked`() {
        let callees = (101...106).map { Self.good(UInt32($0)) }
        let good = (1...3).map { number in
            Self.caller(UInt32(number), .success) {
                $0.answeredAt = .seconds(11)
                $0.establishedAt = .seconds(11)
            }
        }
        let lost = (4...6).map { number in
            Self.caller(UInt32(number), .callFailed) { $0.finalStatus = SIPStatus(code: 404, reason: "Not Found") }
        }
        let found = Self.causes(good + lost + callees)
        #expect(found == [nil, nil, nil] + [.locationLost, .locationLost, .locationLost] + callees.map { _ in nil })
        #expect(Set(Self.causes(lost + callees).compactMap(\.self)) == [.callRefused])
    }

    @Test func `a forgotten nonce is a changed secret, with a closed port before it a restart`() {
        let forgotten = Self.good(0) {
            $0.outcome = .completedWithWarnings
            $0.registration.notes = [.nonceForgotten(age: 9)]
        }
        #expect(Self.causes([forgotten]) == [.noncesInvalidated])
        var refused = forgotten
        refused.index = 1
        refused.steps = [Step(at: .seconds(9), method: .refresh, status: 0, fault: .refused)]
        #expect(Self.causes([forgotten, refused]) == [.serverRestarted, .serverRestarted])
    }

    static let calls: [(DiagnosisCause, UInt16)] = [
        (.callCredentials, 407), (.callRefused, 403), (.callRefused, 404), (.callRefused, 484), (.callRefused, 487),
        (.calleeUnavailable, 480), (.calleeUnavailable, 408), (.calleeBusy, 486), (.calleeBusy, 600),
        (.mediaRefused, 415), (.mediaRefused, 488), (.mediaRefused, 606), (.callOverload, 500), (.callOverload, 503),
        (.callRefused, 699),
    ]

    @Test(arguments: calls) func `a refused call says which target and which code`(cause: DiagnosisCause, code: UInt16)
        throws
    {
        let failed = Self.caller(1, .callFailed) {
            $0.finalStatus = SIPStatus(code: code, reason: "No")
            $0.credentialsSent = true
        }
        let found = try #require(Diagnosis.explain([failed]).first)
        #expect(found.cause == cause)
        #expect(found.evidence.contains { $0.contains("\(code) No") && $0.contains("sip:b@pbx") })
    }

    @Test func `a call refused because the callee's account has other contacts says so`() {
        let callee = Self.good(101) { $0.registration.otherBindings = 2 }
        let failed = Self.caller(1, .callFailed) { $0.finalStatus = SIPStatus(code: 486, reason: "Busy") }
        #expect(Self.causes([failed, callee]) == [.accountInUse, nil])
    }

    @Test func `warnings have their causes: other bindings, a call cut short, no audio`() {
        var media = MediaResult(codec: "PCMA")
        media.packetsSent = 500
        let cut = Self.caller(1, .completedWithWarnings) {
            ($0.establishedAt, $0.endedByPeer) = (.seconds(11), true)
            $0.reason = "Q.850;cause=31"
        }
        let deaf = Self.caller(2, .completedWithWarnings) { ($0.establishedAt, $0.media) = (.seconds(11), media) }
        let shared = Self.good(3) {
            $0.outcome = .completedWithWarnings
            $0.registration.otherBindings = 1
        }
        let taken = Self.good(4) {
            $0.outcome = .completedWithWarnings
            $0.registration.notes = [.ownContactMissing]
        }
        #expect(Self.causes([cut, deaf, shared, taken]) == [.callCutShort, .noAudio, .accountInUse, .accountInUse])
    }

    @Test func `403 at once is about the address, which is shown; behind credentials it is about the account`() throws {
        var result = Self.refused(1)
        result.registration.finalStatus = SIPStatus(code: 403, reason: "Forbidden")
        let known = try #require(Diagnosis.explain([result]).first)
        #expect(known.cause == .registrationForbidden && known.title.contains("knows the account"))
        result.registration.challenges = 0
        result.registration.credentialsSent = false
        let address = try #require(Diagnosis.explain([result]).first)
        #expect(address.cause == .registrationForbidden && address.remedy.contains("192.0.2.9:5060"))
        #expect(address.evidence.contains { $0.contains("192.0.2.9:5060") })
    }

    @Test func `too many contacts are told by what the server says, or by Asterisk's way of saying it`() {
        var result = Self.refused(1)
        result.registration.finalStatus = SIPStatus(code: 403, reason: "Forbidden")
        result.registration.server = "Asterisk PBX 20.9.3"
        #expect(Diagnosis.explain([result]).map(\.cause) == [.tooManyContacts])
        #expect(Diagnosis.explain([result]).map(\.confidence) == [.likely])
        result.registration.finalStatus = SIPStatus(code: 503, reason: "Service Unavailable")
        result.registration.server = "kamailio (5.6.3 (x86_64/linux))"
        #expect(Diagnosis.explain([result]).map(\.cause) == [.registrationRefused])
        result.registration.warning = "Too many registered contacts"
        #expect(Diagnosis.explain([result]).map(\.cause) == [.tooManyContacts])
        #expect(Diagnosis.explain([result]).map(\.confidence) == [.certain])
    }

    @Test(arguments: [
        ("Asterisk PBX 20.9.3", ServerFamily.asterisk, "pjsip.conf"),
        ("FreeSWITCH-mod_sofia/1.10.12-release~64bit", .freeswitch, "directory"),
        ("kamailio (5.6.3 (x86_64/linux))", .kamailio, "subscriber"),
        ("OpenSIPS (3.4.2 (x86_64/linux))", .opensips, "subscriber"),
    ])
    func `the remedy speaks the language of the server seen`(banner: String, family: ServerFamily, word: String) throws
    {
        var result = Self.refused(1)
        result.registration.server = banner
        let named = try #require(Diagnosis.explain([result]).first)
        #expect(named.server == family && named.remedy.contains(word))
        result.registration.server = "SBC/1.0"
        let other = try #require(Diagnosis.explain([result]).first)
        #expect(other.server == .other && !other.remedy.contains(word))
        #expect(named.remedy.hasPrefix(other.remedy))
    }

    @Test func `what no rule knows is unknown and shows what happened, in order`() throws {
        // The callee's 200 was never acknowledged.
        let deaf = Self.good(1) {
            $0.outcome = .callFailed
            $0.phase = .closed
            var call = CallEvidence(role: .callee, target: "sip:a@pbx")
            (call.invitedAt, call.ringingAt, call.answeredAt) = (.seconds(1), .seconds(2), .seconds(3))
            $0.calls = [call]
            $0.steps = [Step(at: .milliseconds(2_500), method: .bye, status: 0, fault: .silence)]
        }
        let bare = Self.good(2) {
            $0.outcome = .registrationFailed
            $0.registration.registeredAt = nil
            $0.registration.credentialsSent = false
            $0.registration.offeredRealms = []
            $0.registration.unsupportedChallenge = true
            $0.registration.finalStatus = SIPStatus(code: 401, reason: "Unauthorized")
        }
        let torn = Self.good(3) { $0.outcome = .teardownError }
        let found = Diagnosis.explain([deaf, bare, torn])
        #expect(found.map(\.cause) == [.unknown, .unknown, .unknown])
        #expect(found.allSatisfy { $0.confidence == .unknown })
        let ladder = try #require(found.first { $0.endpoints == [1] }).evidence
        let shown = ladder.filter { $0.contains(" s ") }
        #expect(
            shown == [
                "0.040 s REGISTER sent", "0.042 s REGISTER 200", "1.000 s INVITE from sip:a@pbx", "2.000 s INVITE 180",
                "2.500 s BYE no answer (silence)", "3.000 s INVITE 200",
            ])
    }

    @Test func `a diagnosis stored before confidence and server were said can be read`() throws {
        let old = Diagnosis(
            cause: .unknown, confidence: .unknown, server: .other, title: "t", count: 1, evidence: ["e"], remedy: "r",
            endpoints: [1])
        #expect(old.confidence.rawValue == "unknown" && old.server.rawValue == "other")
        #expect(DiagnosisCause.allCases.count == Set(DiagnosisCause.allCases.map(\.rawValue)).count)
    }

    @Test func `ten thousand failures are explained in one pass`() {
        let results = (0..<10_000).map { $0 % 3 == 0 ? Self.refused(UInt32($0)) : Self.good(UInt32($0)) }
        let found = Diagnosis.explain(results)
        #expect(found.map(\.cause) == [.wrongCredentials] && found.first?.count == 3_334)
        #expect(found.first?.endpoints.count == Diagnosis.mostListed)
    }
}
