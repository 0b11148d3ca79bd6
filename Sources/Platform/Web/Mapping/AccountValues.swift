// SPDX-License-Identifier: Apache-2.0

public import API
import Bedrock
public import ControlPlane
public import Domain
import Reports
import RunMetrics

extension API.Account {
    /// An account as the API shows it.
    public init(_ account: AccountSummary) {
        self.init(
            id: account.id.description, position: Int(account.position), username: account.username,
            realm: account.realm, extension: account.extensionNumber, createdAt: account.addedAt.text,
            inUseBy: account.inUseBy?.description, inUseEndpoint: account.endpoint.map(Int.init),
            lastRegistration: account.lastRegistration.map { record in
                LastRegistration(
                    result: record.status.map { $0.code == 200 ? "registered" : "\($0.code) \($0.reason)" }
                        ?? "no answer",
                    at: record.at.text)
            })
    }
}

extension API.ImportReport {
    /// A report as page, API and command line show it (B5).
    public init(_ report: Domain.ImportReport, dryRun: Bool) {
        var counts: [String: Int] = [:]
        for count in report.counts { counts[count.reason.code, default: 0] += count.count }
        self.init(
            created: report.created, skipped: report.skipped, failed: report.failed, rotated: report.rotated,
            failedByReason: counts,
            problems: report.problems.map { LineProblem(line: $0.line, username: $0.username, reason: $0.reason.text) },
            warnings: Self.text(of: report.warnings), dryRun: dryRun)
    }

    private static func text(of warnings: ImportWarnings) -> [String] {
        var lines: [String] = []
        if warnings.reusedPasswords > 0 {
            let least = warnings.reuseIsLowerBound ? "at least " : ""
            lines.append("\(least)\(warnings.reusedPasswords) accounts have a password that an earlier line has too")
        }
        if warnings.derivedPasswords > 0 {
            lines.append("\(warnings.derivedPasswords) accounts have a password derived from their username")
        }
        return lines
    }
}

extension AccountDeletionReport {
    /// A deletion as the API shows it.
    public init(_ deletion: AccountDeletion) {
        self.init(
            deleted: deletion.deleted, refusedCount: deletion.refusedCount,
            refused: deletion.refused.map {
                RefusedAccount(id: $0.account.description, username: $0.username, heldBy: $0.run.description)
            },
            shortTests: deletion.shortTests.map {
                API.ShortTest(
                    id: $0.test.description, name: $0.name, needed: $0.shortage.needs, total: $0.shortage.usage.total,
                    missing: $0.shortage.missing)
            })
    }
}

extension API.AccountUsage {
    /// Usage as the API shows it.
    public init(_ report: UsageReport) {
        self.init(
            total: report.usage.total, inUse: report.usage.inUse, free: report.usage.free, needed: report.needed,
            missing: report.missing,
            holders: report.usage.holders.map { Holder(run: $0.run.description, accounts: $0.accounts) },
            advice: report.advisedPool.map { "for tests of up to \(report.needed) endpoints keep \($0) accounts" })
    }
}
