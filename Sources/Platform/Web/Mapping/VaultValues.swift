// SPDX-License-Identifier: Apache-2.0

public import API
import Bedrock
public import ControlPlane
public import Domain
import Reports

extension VaultState {
    /// A vault's state as the API shows it.
    public init(_ status: VaultUseCases.Status) {
        let registrars = Set(status.leaving).union(status.progress.keys).sorted()
        self.init(
            masterKey: status.masterKey?.description, source: status.sourceKind, sourceText: status.source,
            memoryLocked: status.isLocked, dataKeys: status.dataKeys,
            rotations: registrars.map { registrar in
                let progress = status.progress[registrar]
                return Rotation(
                    registrarId: registrar.description, accounts: progress?.accounts, resealed: progress?.resealed)
            }, auditEntries: status.auditEntries, auditHead: AuditChain.text(of: status.auditHead))
    }
}

extension MasterKeyChange {
    /// A change of the master key as the API shows it.
    public init(_ rotation: VaultUseCases.MasterRotation) {
        self.init(
            oldKey: rotation.old.description, newKey: rotation.new.description, dataKeys: rotation.dataKeys,
            warning: rotation.warning)
    }
}

extension DataKeyChange {
    /// A change of a data key as the API shows it.
    public init(_ rotation: DataKeyRotation) {
        self.init(
            registrarId: rotation.registrar.description, oldKeys: rotation.old.map(\.description),
            newKey: rotation.new.description, resealed: rotation.resealed, takenUp: rotation.wasTakenUp,
            done: rotation.isDone)
    }
}

extension VaultCheck {
    /// A check as the API shows it.
    public init(_ report: VaultReport) {
        self.init(
            sound: report.isSound, counts: Self.dictionary(report.counts), leftovers: Self.dictionary(report.leftovers),
            opened: report.opened, auditEntries: report.audit.count, auditHead: AuditChain.text(of: report.audit.head),
            problems: report.problems)
    }

    static func dictionary(_ counts: [VaultReport.Count]) -> [String: Int] {
        Dictionary(counts.map { ($0.name, $0.count) }) { $1 }
    }
}

extension BackupNote {
    /// A copy as the API shows it.
    public init(_ backup: VaultUseCases.Backup) {
        self.init(
            file: backup.file, counts: VaultCheck.dictionary(backup.counts), masterKey: backup.masterKey?.description,
            auditEntries: backup.auditEntries, auditHead: AuditChain.text(of: backup.auditHead))
    }
}

extension AuditRecord {
    /// An entry as the API shows it.
    public init(_ entry: AuditEntry) {
        self.init(
            sequence: entry.sequence, at: entry.at.text, who: entry.who, action: entry.action, subject: entry.subject,
            details: entry.details, hash: AuditChain.text(of: entry.hash))
    }
}

extension AuditCheck {
    /// A finding as the API shows it.
    public init(_ finding: AuditFinding) {
        self.init(
            intact: finding.isIntact, entries: finding.count, head: AuditChain.text(of: finding.head),
            notedAt: finding.notedAt, problem: finding.fault?.text)
    }
}
