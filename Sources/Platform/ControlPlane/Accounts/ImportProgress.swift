// SPDX-License-Identifier: Apache-2.0

/// How far a bulk import has come.
public struct ImportProgress: Hashable, Sendable {
    /// Bytes of the text that were read.
    public var bytes: Int
    /// Lines that were read, empty ones included.
    public var lines: Int
    /// Accounts that are stored, though unseen until the import is done; in a dry run, those that would be.
    public var accounts: Int
    /// Lines whose username the registrar has already, so far.
    public var skipped: Int
    /// Lines that are not valid, so far.
    public var failed: Int
}
