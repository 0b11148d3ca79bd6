// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import HTTPTypes
import Hummingbird

/// Finds out who asks: a bearer key for programs, a session cookie for the page.
///
/// A cookie is taken for reading only. So a foreign page that makes a browser send it can change nothing, whatever the browser's
/// rules for cookies are.
///
/// The HTTP library holds the header's text as a string while the request goes; only its hash is handed on.
struct Authentication: RouterMiddleware {
    typealias Context = CallContext

    static let cookie = "callmeter_session"

    let plane: ControlPlane
    let sessions: SessionBook

    func handle(
        _ request: Request, context: CallContext, next: @concurrent (Request, CallContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.caller = try await caller(of: request)
        return try await next(request, context)
    }

    /// Who asks; nil when nobody is named. Throws `unauthenticated` for a key that is not good.
    func caller(of request: Request) async throws -> Principal? {
        if var header = request.headers[.authorization] {
            guard let bearer = Self.bearer(in: &header) else {
                throw ControlPlaneError(
                    .unauthenticated, "'Authorization: Bearer cmk_…' with a whole API key is expected")
            }
            return try await plane.access.authenticate(bearer)
        }
        guard request.method == .get || request.method == .head,
            let token = request.cookies[Self.cookie]?.value, let grant = sessions.grant(of: token)
        else { return nil }
        switch grant {
        case .principal(let principal): return principal
        case .key(let bearer): return try await plane.access.authenticate(bearer)
        }
    }

    private static func bearer(in header: inout String) -> AccessUseCases.Bearer? {
        let scheme: StaticString = "bearer "
        return header.withUTF8 { bytes in
            let length = scheme.utf8CodeUnitCount
            guard bytes.count > length,
                (0..<length).allSatisfy({ bytes[$0] | 0x20 == scheme.utf8Start[$0] })
            else { return nil }
            return AccessUseCases.Bearer(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[length...]))
        }
    }
}

/// Refuses whoever is not named.
struct RequireCaller: RouterMiddleware {
    typealias Context = CallContext

    func handle(
        _ request: Request, context: CallContext, next: @concurrent (Request, CallContext) async throws -> Response
    ) async throws -> Response {
        _ = try context.principal()
        return try await next(request, context)
    }
}
