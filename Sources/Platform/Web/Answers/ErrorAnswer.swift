// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import HTTPTypes
import Hummingbird
import Logging

extension ErrorCode {
    /// The HTTP status that goes with the code.
    var status: HTTPResponse.Status {
        switch self {
        case .notFound: .notFound
        case .unauthenticated: .unauthorized
        case .forbidden: .forbidden
        case .invalid: .badRequest
        case .invalidTest: .unprocessableContent
        case .nameTaken, .inUse, .countChanged, .wrongStatus, .insufficientAccounts, .confirmationRequired: .conflict
        case .shuttingDown: .serviceUnavailable
        case .internal: .internalServerError
        }
    }
}

extension ControlPlaneError {
    /// The refusal as the API shows it. A key that stands several times becomes a list.
    var body: ErrorBody {
        var values: [String: [JSONValue]] = [:]
        for detail in details { values[detail.key, default: []].append(.string(detail.value)) }
        let shown = values.mapValues { $0.count == 1 ? $0[0] : .array($0) }
        return ErrorBody(code: code.rawValue, message: message, details: shown.isEmpty ? nil : .object(shown))
    }
}

/// Turns whatever a route throws into the envelope, and puts the security headers on every answer.
struct ErrorAnswer: RouterMiddleware {
    typealias Context = CallContext

    func handle(
        _ request: Request, context: CallContext, next: @concurrent (Request, CallContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = try Self.answer(to: error, context)
        }
        Self.protect(&response)
        return response
    }

    private static func answer(to error: any Error, _ context: CallContext) throws -> Response {
        switch error {
        case let error as ControlPlaneError:
            let headers: HTTPFields = error.code == .unauthenticated ? [.wwwAuthenticate: "Bearer"] : [:]
            return try Answer.error(error.body, status: error.code.status, requestID: context.id, headers: headers)
        case let error as HTTPError:
            let code =
                error.status == .notFound ? "not_found" : error.status == .contentTooLarge ? "too_large" : "invalid"
            let message =
                error.status == .notFound
                ? "there is no such route; openapi.yaml lists them" : error.body ?? error.status.reasonPhrase
            return try Answer.error(
                ErrorBody(code: code, message: message), status: error.status, requestID: context.id)
        case let error as DecodingError:
            return try Answer.error(
                ErrorBody(code: ErrorCode.invalid.rawValue, message: text(of: error)), status: .badRequest,
                requestID: context.id)
        case let error as any HTTPResponseError:
            let isTooLarge = error.status == .contentTooLarge
            return try Answer.error(
                ErrorBody(
                    code: isTooLarge ? "too_large" : ErrorCode.invalid.rawValue,
                    message: isTooLarge ? "the body is longer than this route takes" : error.status.reasonPhrase),
                status: error.status, requestID: context.id)
        default:
            // The error's own text may quote what was sent; its type is enough to find it.
            context.logger.error("a request failed", metadata: ["cause": "\(type(of: error))"])
            return try Answer.error(
                ErrorBody(
                    code: ErrorCode.internal.rawValue,
                    message: "an inner part failed; the log has more under this request"),
                status: .internalServerError, requestID: context.id)
        }
    }

    /// Where the body is wrong; never what stood there.
    private static func text(of error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            let keys = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
            return keys.isEmpty ? "the body" : "'\(keys.joined(separator: "."))'"
        }
        return switch error {
        case .keyNotFound(let key, _): "the key '\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context): "\(path(context)) has the wrong type"
        case .dataCorrupted(let context): "\(path(context)) is not valid JSON for this route"
        @unknown default: "the body is not valid JSON for this route"
        }
    }

    private static func protect(_ response: inout Response) {
        // Scripts, styles and connections only from here, nothing inline; no page may frame ours.
        response.headers[.contentSecurityPolicy] =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        response.headers[.xContentTypeOptions] = "nosniff"
        for (name, value) in [
            ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
        ] {
            if let name = HTTPField.Name(name) { response.headers[name] = value }
        }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    }
}
