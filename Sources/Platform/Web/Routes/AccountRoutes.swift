// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// `/registrars/{registrar}/accounts`, `/accounts/{account}`, import, rotation, deletion and usage.
///
/// Bodies with passwords stay bytes: never decoded as JSON values, never a String. They go from `SecretBody` into locked memory.
struct AccountRoutes {
    let plane: ControlPlane

    func add(to group: RouterGroup<CallContext>) {
        group.get("registrars/{registrar}/accounts") { request, context in
            let query = try Self.query(request, context)
            let page = try await plane.accounts.list(
                of: context.id("registrar"), query, by: context.principal())
            return try Answer.page(page, query.page, context, API.Account.init)
        }
        group.post("registrars/{registrar}/accounts") { request, context in
            let fields = try await Self.accountBody(of: request)
            let account = try await plane.accounts.add(
                username: fields.username, password: fields.password, realm: fields.realm,
                extensionNumber: fields.extensionNumber, to: context.id("registrar"), by: context.principal())
            return try Answer.data(API.Account(account), context, status: .created)
        }
        group.get("registrars/{registrar}/accounts/usage") { request, context in
            let usage = try await plane.accounts.usage(
                of: context.id("registrar"), endpoints: context.number("endpoints", request), by: context.principal())
            return try Answer.data(API.AccountUsage(usage), context)
        }
        group.post("registrars/{registrar}/accounts/delete") { request, context in
            let body = try await context.read(AccountDeletionRequest.self, from: request)
            let deletion = try await plane.accounts.delete(
                of: context.id("registrar"), AccountSelection(body), expectedCount: body.expectedCount,
                by: context.principal())
            return try Answer.data(AccountDeletionReport(deletion), context)
        }
        group.post("registrars/{registrar}/accounts/import") { request, context in
            let list = try AccountList(request, context)
            var body = SecretBody(request.body, upTo: WebLimits.largestImport)
            let report = try await plane.accounts.importLines(
                into: context.id("registrar"), as: list.format, dryRun: list.dryRun, by: context.principal()
            ) { page in try await body.read(into: page) }
            return try Answer.data(API.ImportReport(report, dryRun: list.dryRun), context)
        }
        group.post("registrars/{registrar}/accounts/rotate") { request, context in
            let list = try AccountList(request, context)
            var body = SecretBody(request.body, upTo: WebLimits.largestImport)
            let report = try await plane.accounts.rotate(
                of: context.id("registrar"), as: list.format, dryRun: list.dryRun, by: context.principal()
            ) { page in try await body.read(into: page) }
            return try Answer.data(API.ImportReport(report, dryRun: list.dryRun), context)
        }
        group.get("accounts/{account}") { _, context in
            let account = try await plane.accounts.get(context.id("account"), by: context.principal())
            return try Answer.data(API.Account(account), context)
        }
        group.delete("accounts/{account}") { _, context in
            let id: AccountID = try context.id("account")
            try await plane.accounts.delete(id, by: context.principal())
            return try Answer.data(Deleted(id: id.description), context)
        }
    }

    private static func accountBody(of request: Request) async throws -> AccountFields {
        var fields: AccountFields?
        try await SecretBody.withBytes(of: request.body, upTo: WebLimits.largestAccountBody) { bytes in
            fields = try AccountFields(json: bytes)
        }
        guard let fields = consume fields else { throw AccountFields.invalid("it is empty") }
        return fields
    }

    private static func query(_ request: Request, _ context: CallContext) throws(ControlPlaneError) -> AccountQuery {
        var query = AccountQuery(page: try context.pageRequest(request))
        if let text = request.uri.queryParameters["q"], !text.isEmpty { query.text = String(text) }
        query.inUse = try context.flag("inUse", request)
        if let sort = request.uri.queryParameters["sort"] {
            let name = sort.hasPrefix("-") ? sort.dropFirst() : sort
            guard let order = AccountOrder(rawValue: String(name)) else {
                let words = AccountOrder.allCases.map(\.rawValue).joined(separator: ", ")
                throw ControlPlaneError(
                    .invalid, "'sort' is one of \(words), with '-' before it for the other way round",
                    details: ["field": "sort"])
            }
            query.order = order
            query.descending = sort.hasPrefix("-")
        }
        return query
    }
}

/// What a request with a list of accounts says of it.
private struct AccountList {
    let format: ImportFormat
    let dryRun: Bool

    /// The format by `format`, or by the body's type. Throws 415 for a type that is none of them.
    init(_ request: Request, _ context: CallContext) throws {
        dryRun = try context.flag("dryRun", request) ?? false
        if let name = request.uri.queryParameters["format"] {
            guard let named = ImportFormat(rawValue: String(name)) else {
                throw ControlPlaneError(
                    .invalid, "'format' is one of lines, csv and sipp", details: ["field": "format"])
            }
            format = named
            return
        }
        let type = request.headers[.contentType]?.split(separator: ";").first.map { $0.lowercased() } ?? "text/plain"
        switch type.trimmingPrefix(while: { $0 == " " }) {
        case "text/plain", "application/octet-stream": format = .lines
        case "text/csv": format = .csv
        default:
            throw HTTPError(
                .unsupportedMediaType,
                message:
                    "send username:password lines as text/plain, or CSV as text/csv; ?format=sipp for injection files")
        }
    }
}
