// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import FoundationEssentials
import GRDB

extension ID {
    /// As it is bound to a statement.
    var blob: Data { Data(bytes) }
}

extension Row {
    /// An identifier from a column of 16 bytes.
    func id<Kind>(_ column: String) throws -> ID<Kind> {
        guard let id: ID<Kind> = try optionalID(column) else { throw damaged(column) }
        return id
    }

    /// An identifier, or nil for NULL.
    func optionalID<Kind>(_ column: String) throws -> ID<Kind>? {
        guard let data: Data = self[column] else { return nil }
        guard let id = ID<Kind>(bytes: data) else { throw damaged(column) }
        return id
    }

    /// A time from nanoseconds.
    func time(_ column: String) -> UnixTime { UnixTime(nanoseconds: self[column]) }

    /// A time, or nil for NULL.
    func optionalTime(_ column: String) -> UnixTime? {
        let nanoseconds: Int64? = self[column]
        return nanoseconds.map(UnixTime.init(nanoseconds:))
    }

    /// Bytes as they are.
    func bytes(_ column: String) -> [UInt8] {
        let data: Data = self[column]
        return [UInt8](data)
    }

    /// Bytes, or nil for NULL.
    func optionalBytes(_ column: String) -> [UInt8]? {
        let data: Data? = self[column]
        return data.map { [UInt8]($0) }
    }

    /// A sealed secret; bytes that are none are damage.
    func secret(_ column: String) throws -> SealedSecret {
        do {
            return try SealedSecret(encoded: bytes(column))
        } catch {
            throw damaged(column)
        }
    }

    /// A value with a fixed word in the database.
    func word<Value: RawRepresentable<String>>(_ column: String) throws -> Value {
        let text: String = self[column]
        guard let value = Value(rawValue: text) else { throw damaged(column) }
        return value
    }

    /// What to throw for a column that holds what no version wrote.
    func damaged(_ column: String) -> StoreError { .engine("the column \(column) holds a damaged value") }
}

extension Database {
    /// Throws `notFound` unless the table has a row of this identifier.
    func require<Kind>(_ kind: String, _ id: ID<Kind>) throws {
        let found = try Bool.fetchOne(
            self, sql: "SELECT EXISTS (SELECT 1 FROM \(kind) WHERE id = ?)", arguments: [id.blob])
        guard found == true else { throw StoreError.notFound(kind: kind, id: id.description) }
    }

    /// Throws `notFound` when the last statement changed nothing.
    func requireChange<Kind>(of kind: String, _ id: ID<Kind>) throws {
        guard changesCount > 0 else { throw StoreError.notFound(kind: kind, id: id.description) }
    }

    /// Runs an insertion or change; a unique index that refuses it means the name is taken.
    func naming(_ kind: String, _ name: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw StoreError.nameTaken(kind: kind, name: name)
        }
    }
}

/// A pattern for LIKE that finds text anywhere, with its wildcards taken literally (escape character: backslash).
func pattern(containing text: String) -> String {
    var pattern = "%"
    for scalar in text.unicodeScalars {
        if scalar == "%" || scalar == "_" || scalar == "\\" { pattern.unicodeScalars.append("\\") }
        pattern.unicodeScalars.append(scalar)
    }
    return pattern + "%"
}
