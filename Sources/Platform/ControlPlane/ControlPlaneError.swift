// SPDX-License-Identifier: Apache-2.0

import Domain
import Store
import Vault
import WorkerLink

/// Why a use case was refused, as a fixed word; the raw value is the code in API and CLI.
public enum ErrorCode: String, Hashable, Sendable, CaseIterable {
    /// There is no such thing, or the caller may not know of it.
    case notFound = "not_found"
    /// No key, an unknown key, or a revoked one.
    case unauthenticated = "unauthenticated"
    /// The caller's role or project does not allow it.
    case forbidden = "forbidden"
    /// What was sent is not acceptable; the details say where.
    case invalid = "invalid"
    /// The test definition has mistakes; the details list them.
    case invalidTest = "invalid_test"
    /// The name is taken.
    case nameTaken = "name_taken"
    /// A live run stands against it; the details name it.
    case inUse = "in_use"
    /// The number of accounts is another than the caller counted.
    case countChanged = "count_changed"
    /// The thing is in a state that does not allow it.
    case wrongStatus = "wrong_status"
    /// The target is outside private ranges and its use was not confirmed for this registrar (H5).
    case confirmationRequired = "confirmation_required"
    /// Too few SIP accounts; the details hold the numbers (D4).
    case insufficientAccounts = "insufficient_sip_accounts"
    /// The program is shutting down.
    case shuttingDown = "shutting_down"
    /// The database or another part failed; the log has more.
    case `internal` = "internal"
}

/// Why a use case was refused. Never holds a secret.
public struct ControlPlaneError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A named value that belongs to the error.
    public struct Detail: Hashable, Sendable {
        /// Its name.
        public var key: String
        /// Its value.
        public var value: String
    }

    /// What callers switch on.
    public var code: ErrorCode
    /// What is wrong and what to do.
    public var message: String
    /// Named values: field names, numbers, runs, mistakes; a key may stand more than once.
    public var details: [Detail]

    /// An error from its parts.
    public init(_ code: ErrorCode, _ message: String, details: KeyValuePairs<String, String> = [:]) {
        self.code = code
        self.message = message
        self.details = details.map { Detail(key: $0.key, value: $0.value) }
    }

    /// The message.
    public var description: String { message }

    static func notFound(_ kind: String, _ id: some CustomStringConvertible) -> ControlPlaneError {
        ControlPlaneError(.notFound, "there is no \(kind) \(id)", details: ["kind": kind])
    }
}

extension ControlPlaneError {
    /// Puts what a lower part threw into the words of the use cases.
    static func from(_ error: any Error) -> ControlPlaneError {
        switch error {
        case let error as ControlPlaneError: error
        case let error as StoreError: from(error)
        case let error as InsufficientAccounts: from(error)
        case let error as TestDefinitionError: from(error)
        case let error as AccountFault: ControlPlaneError(.invalid, error.text, details: ["reason": error.rawValue])
        case let error as ImportRefusal: ControlPlaneError(.invalid, error.text)
        case let error as VaultError: from(error)
        case let error as SealingError: ControlPlaneError(.internal, error.description)
        case is CancellationError: ControlPlaneError(.shuttingDown, "the operation was cancelled")
        default: ControlPlaneError(.internal, "an inner part failed (\(type(of: error))); the log has more")
        }
    }

    static func from(_ error: VaultError) -> ControlPlaneError {
        switch error {
        case .rotationUnderWay: ControlPlaneError(.wrongStatus, error.description)
        case .newKeyFileNeeded, .newKeyFileNotNeeded, .newKeyIsOld:
            ControlPlaneError(.invalid, error.description, details: ["field": "newKeyFile"])
        default: ControlPlaneError(.internal, error.description)
        }
    }

    private static func from(_ error: StoreError) -> ControlPlaneError {
        switch error {
        case .notFound: ControlPlaneError(.notFound, error.description)
        case .nameTaken, .nameInImport: ControlPlaneError(.nameTaken, error.description)
        case .inUse(let runs):
            ControlPlaneError(.inUse, error.description, details: ["runs": runs.joined(separator: ",")])
        case .countChanged(let expected, let actual):
            ControlPlaneError(
                .countChanged, error.description, details: ["expected": "\(expected)", "actual": "\(actual)"])
        case .wrongStatus: ControlPlaneError(.wrongStatus, error.description)
        case .leaseLost, .importClosed, .importOpen, .keyLeaving, .otherMasterKey:
            ControlPlaneError(.wrongStatus, error.description)
        case .newerSchema, .engine: ControlPlaneError(.internal, error.description)
        }
    }

    static func from(_ error: InsufficientAccounts) -> ControlPlaneError {
        var result = ControlPlaneError(.insufficientAccounts, error.description)
        for shortage in error.shortages {
            result.details.append(Detail(key: "registrar", value: shortage.usage.registrarName))
            result.details.append(Detail(key: "needed", value: "\(shortage.needs)"))
            result.details.append(Detail(key: "total", value: "\(shortage.usage.total)"))
            result.details.append(Detail(key: "inUse", value: "\(shortage.usage.inUse)"))
            result.details.append(Detail(key: "missing", value: "\(shortage.missing)"))
            for holder in shortage.usage.holders {
                result.details.append(Detail(key: "heldBy", value: "\(holder.run)"))
            }
        }
        return result
    }

    private static func from(_ error: TestDefinitionError) -> ControlPlaneError {
        var result = ControlPlaneError(.invalidTest, error.problems.map(\.text).joined(separator: "\n"))
        result.details = error.problems.map { Detail(key: "problem", value: $0.text) }
        return result
    }
}
