// SPDX-License-Identifier: Apache-2.0

import Domain
import Web

extension RunCommand {
    /// Searches for what the target carries instead of running the test once; JSON has the report, other files do not apply.
    func findCapacity(_ file: FileTest, _ terminal: Terminal, _ interrupts: Interrupts) async throws {
        guard files.all.allSatisfy({ $0.format == .json }) else {
            throw CommandFailure.usage("--find-capacity writes --json only: its runs have no single report")
        }
        let plan = CapacityPlan(file.definition, capacity)
        let isShown = !quiet && files.json != "-"
        if isShown {
            let judged = plan.thresholds.map(\.text).joined(separator: ", ")
            let usual = plan.isJudgedByUsual ? " (the usual ones, since the test has no thresholds)" : ""
            Output.line("Judged by \(judged)\(usual)")
        }
        let plant = try await Plant.inMemory()
        let progress = ProgressLine(quiet ? .plain : terminal)
        let report: CapacityReport
        do {
            let id = try await file.prepare(in: plant.plane, accounts: accounts, confirmedPublic: confirmPublic)
            report = try await CapacityHunt(
                plane: plant.plane, plan: plan, progress: progress, interrupts: interrupts,
                tell: { if isShown { Output.line(terminal.fit("  " + $0.line(plan))) } }
            ).play(id)
        } catch {
            await plant.shutdown()
            throw error
        }
        await plant.shutdown()
        if isShown {
            for line in terminal.wrapped(report.sentence, indent: 0) {
                Output.line(terminal.fit(terminal.styled(line, .bold)))
            }
        }
        if let json = files.json {
            let text = try JSONOutput.text(report) + "\n"
            if json == "-" {
                Output.write(text, to: 1)
            } else {
                let file = try AtomicFile(json)
                try file.write(text)
                try file.commit()
            }
        }
        guard report.status == .allWell else { throw CommandFailure(report.status) }
    }
}
