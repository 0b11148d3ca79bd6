// SPDX-License-Identifier: Apache-2.0

/// What CallMeter remembers, as narrow operations. Each call is one transaction: it happens whole or not at all.
///
/// The store never opens a sealed value. Engines keep the invariants themselves (in the schema, where they can), so that
/// no caller can break them: one live lease per account, one account per username and registrar, a final status for ever.
/// All failures are `StoreError`, except that `allocate` throws Domain's `InsufficientAccounts` for too few accounts.
public protocol Store: ProjectStore, RegistrarStore, AccountStore, ImportStore, RotationStore, LeaseStore, TestStore,
    RunStore, WindowStore, TraceStore, AccessStore, VaultStore
{
    /// Waits for operations under way and closes the files. Nothing may be called afterwards.
    func close() async throws
}

/// Why an operation was refused.
public enum StoreError: Error, Hashable, Sendable {
    /// There is no such thing; its kind and identifier.
    case notFound(kind: String, id: String)
    /// The name is taken; what kind of thing has it.
    case nameTaken(kind: String, name: String)
    /// An import that is not over has the username.
    case nameInImport(String)
    /// The registrar has an import that is not over; no second one is begun.
    case importOpen(registrar: String)
    /// Live runs stand against it.
    case inUse(runs: [String])
    /// The number of accounts changed since the caller counted.
    case countChanged(expected: Int, actual: Int)
    /// The run has reached its final status, or is not in the one the operation needs.
    case wrongStatus(run: String, status: String)
    /// The leases the caller writes for are over: released, or ended by the store's clock.
    case leaseLost(run: String)
    /// The import is not open: published, abandoned or swept.
    case importClosed(String)
    /// A secret came sealed under a data key that another one has replaced; seal it under the registrar's present key.
    case keyLeaving
    /// A data key came wrapped under another master key than the database names.
    case otherMasterKey
    /// The file was written by a newer version of the program.
    case newerSchema
    /// The engine failed: disk full, file damaged, locked by another process. The text holds no stored value.
    case engine(String)
}

extension StoreError: CustomStringConvertible {
    /// What is wrong and, where it can be said, what to do.
    public var description: String {
        switch self {
        case .notFound(let kind, let id): "there is no \(kind) \(id)"
        case .nameTaken(let kind, let name): "there is a \(kind) named \"\(name)\" already; choose another name"
        case .nameInImport(let name):
            "the username \"\(name)\" is taken by an import that is under way; wait for its end"
        case .importOpen(let registrar):
            "an import into registrar \(registrar) is under way; wait for its end, then begin the next"
        case .inUse(let runs): "in use by run \(runs.joined(separator: ", ")); wait for its end or stop it"
        case .countChanged(let expected, let actual):
            "\(expected) accounts were expected, but there are \(actual); look at the list again"
        case .wrongStatus(let run, let status): "run \(run) is \(status)"
        case .leaseLost(let run): "run \(run) does not hold its accounts any more; nothing was changed"
        case .importClosed(let id): "import \(id) is over; begin a new one"
        case .keyLeaving: "the registrar's data key was changed meanwhile; try again"
        case .otherMasterKey: "the master key was changed meanwhile; try again"
        case .newerSchema: "the data was written by a newer version of CallMeter; use that version or a newer one"
        case .engine(let text): "the database failed: \(text)"
        }
    }
}
