// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import RunMetrics
import Testing
import UserAgent

/// Every fault of the built-in server is played to some of fifty endpoints: the diagnosis names its cause for exactly those.
@Suite struct ConfusionTests {
    /// Who is met by a fault.
    enum Victims {
        case callers
        case callees
        /// Nobody in particular: a limit or a loss of the whole server.
        case everybody
    }

    struct Row: CustomTestStringConvertible {
        var fault: String
        /// Nil when nothing goes wrong by it.
        var cause: DiagnosisCause?
        var victims = Victims.callers
        var course = PlayedRun.Course.calls()
        var rate = 25.0
        /// Whether the callers of victims have the same cause.
        var includesPartners = false
        var others: [String] = []
        var realm: String?

        var testDescription: String { fault }
    }

    /// Ten of the half, not side by side.
    static let places = [1, 3, 4, 8, 11, 12, 15, 19, 20, 24]

    static let rows: [Row] = [
        Row(fault: "wrong-password", cause: .wrongCredentials),
        Row(fault: "wrong-password", cause: .wrongCredentials, victims: .callees),
        Row(fault: "403", cause: .registrationForbidden),
        Row(fault: "address-403", cause: .registrationForbidden),
        Row(fault: "404", cause: .unknownUser),
        Row(fault: "other-realm", cause: .realmMismatch, realm: "example.org"),
        Row(fault: "unknown-algorithm", cause: .unsupportedAuthentication),
        Row(fault: "changing-realm=20", cause: .authenticationCircle),
        Row(fault: "other-backend=20", cause: .authenticationCircle),
        Row(fault: "silence", cause: .noAnswer),
        Row(fault: "503", cause: .registrationRefused),
        Row(fault: "503=600", cause: .serverBusy),
        Row(fault: "480=600", cause: .serverBusy),
        Row(fault: "302=192.0.2.99:5060", cause: .registrationRedirected),
        Row(fault: "max-contacts", cause: .tooManyContacts),
        Row(fault: "extra-bindings", cause: .accountInUse),
        Row(fault: "missing-contact", cause: .accountInUse),
        Row(fault: "taken-over", cause: .accountInUse, victims: .callees, includesPartners: true),
        Row(fault: "auth-limit=8", cause: .authenticationRateLimited, victims: .everybody, rate: 20),
        Row(fault: "drop-limit=35", cause: .requestsDropped, victims: .everybody, rate: 40),
        Row(fault: "nat-lost", cause: .pathLost),
        Row(fault: "bye-lost", cause: .pathLost),
        Row(
            fault: "new-secret=12", cause: .noncesInvalidated, victims: .everybody,
            course: .hold(.seconds(25), expires: 10)),
        Row(
            fault: "forget-contacts=9", cause: .locationLost, victims: .everybody,
            course: .calls(times: 2, pause: .seconds(8))),
        Row(
            fault: "restart=22", cause: .serverRestarted, victims: .everybody,
            course: .calls(times: 2, pause: .seconds(15)), others: ["short-expires=20"]),
        Row(fault: "call-refused=403", cause: .callRefused),
        Row(fault: "call-refused=404", cause: .callRefused),
        Row(fault: "call-refused=484", cause: .callRefused),
        Row(fault: "call-refused=603", cause: .callRefused),
        Row(fault: "call-refused=408", cause: .calleeUnavailable),
        Row(fault: "call-refused=480", cause: .calleeUnavailable),
        Row(fault: "call-refused=486", cause: .calleeBusy),
        Row(fault: "call-refused=600", cause: .calleeBusy),
        Row(fault: "call-refused=488", cause: .mediaRefused),
        Row(fault: "call-refused=606", cause: .mediaRefused),
        Row(fault: "call-refused=500", cause: .callOverload),
        Row(fault: "call-refused=503", cause: .callOverload),
        Row(fault: "call-407", cause: .callCredentials),
        Row(fault: "call-ringing", cause: .callUnanswered),
        Row(fault: "call-silent", cause: .callUnanswered),
        Row(fault: "early-bye", cause: .callCutShort, course: .echo),
        // What phones deal with is no failure and has no cause.
        Row(fault: "slow=300"), Row(fault: "two-realms"), Row(fault: "two-algorithms"), Row(fault: "stale-each-time"),
        Row(fault: "new-nonce-no-stale"), Row(fault: "other-backend"),
        Row(fault: "changing-realm", course: .hold(.seconds(60), expires: 60)),
        Row(fault: "legacy-no-qop"), Row(fault: "auth-int"), Row(fault: "sess"), Row(fault: "quoted-algorithm"),
        Row(fault: "no-algorithm"), Row(fault: "sha-256"), Row(fault: "sha-512-256"), Row(fault: "userhash"),
        Row(fault: "nextnonce", course: .hold(.seconds(30), expires: 20)), Row(fault: "proxy-chain"),
        Row(fault: "dialog-challenge", course: .echo), Row(fault: "423"),
        Row(fault: "refresh-503", course: .hold(.seconds(60), expires: 30)),
        Row(fault: "short-expires", course: .hold(.seconds(60), expires: 300)), Row(fault: "drop-other-contacts"),
        Row(fault: "no-ringing"),
    ]

    @Test(arguments: rows)
    func `G2: a fault played to some of 50 endpoints is named for exactly those`(row: Row) throws {
        let (results, victims) = try Self.play(row)
        let causes = Diagnosis.causes(of: results)
        for (result, cause) in zip(results, causes) where result.outcome == .notAttempted {
            #expect(cause == nil && result.partner != nil)
        }
        guard let wanted = row.cause else {
            #expect(results.allSatisfy { $0.outcome == .success }, "\(Self.summary(results, causes))")
            return
        }
        #expect(Set(causes.compactMap(\.self)) == [wanted], "\(Self.summary(results, causes))")
        let named = Set(zip(results, causes).compactMap { $1 == nil ? nil : $0.index })
        if let victims {
            #expect(named == victims, "\(Self.summary(results, causes))")
        } else {
            #expect(named == Set(results.filter { $0.outcome != .success && $0.outcome != .notAttempted }.map(\.index)))
            #expect(named.count >= 3)
        }
        for diagnosis in Diagnosis.explain(results) {
            #expect(diagnosis.confidence != .unknown)
            #expect(!diagnosis.evidence.isEmpty && !diagnosis.remedy.isEmpty && !diagnosis.title.isEmpty)
        }
    }

    @Test func `G2: the table of faults and causes has nothing beside its diagonal`() throws {
        var lines: [String] = []
        for row in Self.rows {
            let (results, _) = try Self.play(row)
            var counts: [String: Int] = [:]
            for cause in Diagnosis.causes(of: results) { if let cause { counts[cause.rawValue, default: 0] += 1 } }
            let named = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            let fault = row.fault + String(repeating: " ", count: max(1, 24 - row.fault.count))
            lines.append(fault + (named.isEmpty ? "-" : named))
            #expect(Set(counts.keys) == Set([row.cause?.rawValue].compactMap(\.self)))
        }
        print("fault played to some of 50  causes named, and for how many\n" + lines.joined(separator: "\n"))
    }

    private static func play(_ row: Row) throws -> (results: [EndpointResult], victims: Set<UInt32>?) {
        let half = PlayedRun.size / 2
        let chosen: [Int]? =
            switch row.victims {
            case .callers: places
            case .callees: places.map { $0 + half }
            case .everybody: nil
            }
        let scope = chosen.map { $0.map(PlayedRun.name).joined(separator: ",") }
        let fault = scope.map { row.fault + (row.takesValue ? "@" : "=") + $0 } ?? row.fault
        let run = try PlayedRun(
            faults: [fault] + row.others, course: row.course, registrationsPerSecond: row.rate
        ) {
            if let realm = row.realm { $0.realm = Array(realm.utf8) }
        }
        let partners = row.includesPartners ? (chosen ?? []).map { $0 - half } : []
        return (run.results(), chosen.map { Set(($0 + partners).map(UInt32.init)) })
    }

    private static func summary(_ results: [EndpointResult], _ causes: [DiagnosisCause?]) -> String {
        var counts: [String: Int] = [:]
        for (result, cause) in zip(results, causes) {
            counts["\(result.outcome.name) \(cause?.rawValue ?? "-")", default: 0] += 1
        }
        let first = results.first { $0.outcome.severity > 0 }
        return "\(counts) \(first?.steps ?? [])"
    }
}

extension ConfusionTests.Row {
    /// Faults without a value name their users behind the equals sign.
    fileprivate var takesValue: Bool {
        let name = fault.split(separator: "=")[0]
        return fault.contains("=")
            || ["extra-bindings", "max-contacts", "423", "503", "480", "other-realm", "stale-each-time"]
                .contains(name)
            || ["new-nonce-no-stale", "other-backend", "changing-realm", "short-expires", "dialog-challenge"]
                .contains(name)
    }
}
