// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain

/// One endpoint of each group first: registers, calls as the test says, and leaves; what fails there would fail a thousand times.
struct Canary {
    /// How long its calls last.
    private static let talk = Interval.seconds(2)

    let file: FileTest
    let accounts: [String]
    let confirmedPublic: Bool
    let interrupts: Interrupts

    /// The test with as few endpoints as it can have and nothing that judges it.
    static func reduced(_ test: TestDefinition) -> TestDefinition {
        var small = test
        small.name = "Canary of \(test.name)"
        small.thresholds = []
        small.duration = min(test.duration, talk)
        small.pacing = Pacing(registrations: .rate(10), calls: .rate(10), repeats: 1)
        for index in small.groups.indices {
            small.groups[index].endpoints = small.groups[index].callee == .intra ? 2 : 1
            small.groups[index].answerAfter = min(small.groups[index].answerAfter, .seconds(1))
        }
        return small
    }

    /// Plays it in a plant of its own.
    func play() async throws -> RunWatcher.Ended {
        var small = file
        small.replace(Self.reduced(file.definition))
        let plant = try await Plant.inMemory()
        do {
            let test = try await small.prepare(in: plant.plane, accounts: accounts, confirmedPublic: confirmedPublic)
            let watcher = RunWatcher(plane: plant.plane, progress: ProgressLine(.plain), interrupts: interrupts)
            let ended = try await watcher.run(test)
            await plant.shutdown()
            return ended
        } catch {
            await plant.shutdown()
            throw error
        }
    }

    /// What it found, as checks.
    static func checks(_ ended: RunWatcher.Ended) -> [Check] {
        let place = "canary"
        guard let summary = ended.view.summary, summary.endpoints.total > 0 else {
            let why = ended.view.record.failure?.text ?? "it did not run"
            return [Check(place, "run", ended.status == .unreachable ? .unreachable : .bad, why)]
        }
        var checks: [Check] = []
        for diagnosis in summary.diagnoses {
            let seen = ([diagnosis.title] + diagnosis.evidence).joined(separator: "; ")
            checks.append(
                Check(
                    place, diagnosis.cause.rawValue, ended.isAnswered ? .bad : .unreachable, seen,
                    mend: diagnosis.remedy))
        }
        let registration = summary.registration
        if registration.attempted > 0, registration.failed == 0 {
            checks.append(
                Check(
                    place, "registration", .good,
                    "\(registration.succeeded) registered, \(SummaryText.milliseconds(registration.delayMs.max)) at most"
                ))
        }
        let calls = summary.calls
        if calls.attempted > 0, calls.failed == 0 {
            let mos = summary.media.mos.avg.map { ", MOS \(SummaryText.number($0, 2))" } ?? ""
            checks.append(
                Check(
                    place, "call", .good,
                    "\(calls.established) established, post-dial delay \(SummaryText.milliseconds(calls.postDialDelayMs.max))\(mos)"
                ))
        }
        if checks.isEmpty {
            checks.append(Check(place, "run", .bad, "it ended as \(summary.status.rawValue) without a registration"))
        }
        return checks
    }
}
