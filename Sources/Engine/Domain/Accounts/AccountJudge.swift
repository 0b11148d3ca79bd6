// SPDX-License-Identifier: Apache-2.0

/// Judges accounts one after the other, whatever they were read from, and remembers what came before (B2–B4).
struct AccountJudge: ~Copyable {
    /// What the records gave so far.
    var tally = ImportTally()
    private var usernames = UsernameSet()
    private var passwords = PasswordFingerprints()

    /// The fields of a record by the rules of an account. The bytes are lent: the verdict points into them.
    mutating func verdict(
        username: UnsafeRawBufferPointer, password: UnsafeRawBufferPointer, realm: UnsafeRawBufferPointer? = nil,
        extensionNumber: UnsafeRawBufferPointer? = nil
    ) -> ImportLine.Verdict {
        if let fault = AccountRules.fault(username: username) { return .fault(.account(fault), username: nil) }
        let fault =
            AccountRules.fault(password: password) ?? realm.flatMap { AccountRules.fault(realm: $0) }
            ?? extensionNumber.flatMap { AccountRules.fault(extensionNumber: $0) }
        if let fault { return .fault(.account(fault), username: username) }
        guard usernames.count < ImportRules.mostAccounts else { return .fault(.tooManyAccounts, username: username) }
        guard usernames.insert(username) else { return .fault(.duplicateInBatch, username: username) }
        switch passwords.insert(password) {
        case .new: break
        case .seen: tally.warnings.reusedPasswords += 1
        case .full: tally.warnings.reuseIsLowerBound = true
        }
        if PasswordSimilarity.isDerived(password, from: username) { tally.warnings.derivedPasswords += 1 }
        return .account(username: username, password: password, realm: realm, extensionNumber: extensionNumber)
    }

    /// Counts a verdict and hands it on.
    mutating func give<Failure: Error>(
        _ verdict: ImportLine.Verdict, line: Int, to body: (ImportLine) throws(Failure) -> Void
    ) throws(Failure) {
        switch verdict {
        case .account: tally.countValid()
        case .fault(let reason, let username): tally.count(line: line, username: username, reason: reason)
        }
        try body(ImportLine(number: line, verdict: verdict))
    }
}
