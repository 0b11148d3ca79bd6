// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// `/registrars/{registrar}/accounts`, `/accounts/{account}`, import, deletion and usage.
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
            let dryRun = try context.flag("dryRun", request) ?? false
            return try await importLines(request, context, dryRun: dryRun)
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

    private func importLines(_ request: Request, _ context: CallContext, dryRun: Bool) async throws -> Response {
        let type = request.headers[.contentType]?.split(separator: ";").first.map(String.init) ?? "text/plain"
        guard type == "text/plain" || type == "application/octet-stream" else {
            throw HTTPError(
                .unsupportedMediaType,
                message: "send username:password lines as text/plain; other formats are not taken yet")
        }
        var body = SecretBody(request.body, upTo: WebLimits.largestImport)
        let report = try await plane.accounts.importLines(
            into: context.id("registrar"), dryRun: dryRun, by: context.principal()
        ) { page in
            try await body.read(into: page)
        }
        return try Answer.data(API.ImportReport(report, dryRun: dryRun), context)
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
