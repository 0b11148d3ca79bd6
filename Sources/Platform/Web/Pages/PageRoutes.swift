// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Domain
import HTTPTypes
import Hummingbird
import NIOCore
import RunMetrics

/// The page: the runs, one run, and the door with its key.
struct PageRoutes {
    /// Runs on the list, over all projects.
    private static let listedRuns = 50
    /// Endpoints on a run's page.
    private static let listedEndpoints = 100
    /// `key=cmk_…` has 48 bytes.
    private static let largestForm = 4_096

    let plane: ControlPlane
    let sessions: SessionBook
    let authentication: Authentication
    let secureCookies: Bool
    private let templates: Templates

    init(
        plane: ControlPlane, sessions: SessionBook, authentication: Authentication, secureCookies: Bool
    ) throws {
        self.plane = plane
        self.sessions = sessions
        self.authentication = authentication
        self.secureCookies = secureCookies
        templates = try Templates()
    }

    func add(to router: Router<CallContext>) {
        router.get("/") { request, _ in try await page(request) { try await runs($0) } }
        router.get("runs/{run}") { request, context in
            try await page(request) { try await run($0, request, context) }
        }
        router.post("session") { request, _ in try await signIn(request) }
        router.get("enter/{token}") { _, context in enter(context.parameters.get("token") ?? "") }
        router.post("logout") { request, _ in signOut(request) }
        router.get("assets/page.css") { _, _ in asset(Stylesheet.text, "text/css; charset=utf-8") }
        router.get("assets/live.js") { _, _ in asset(LiveScript.text, "text/javascript; charset=utf-8") }
    }

    /// A page for whoever is signed in; the door for everyone else, and words for what is not there.
    private func page(_ request: Request, _ body: (Principal) async throws -> Response) async throws -> Response {
        do {
            guard let caller = try await authentication.caller(of: request) else { return door() }
            return try await body(caller)
        } catch let error as ControlPlaneError {
            if error.code == .unauthenticated { return door(wrong: "That key is not known, or it was revoked.") }
            let text = templates.render(
                "message", ["title": "Not here", "text": error.message, "signedIn": true])
            return Answer.html(text, status: error.code.status)
        }
    }

    private func door(wrong: String? = nil) -> Response {
        var values: [String: Any] = ["title": "Sign in"]
        values["wrong"] = wrong
        return Answer.html(templates.render("door", values), status: wrong == nil ? .ok : .unauthorized)
    }

    private func runs(_ caller: Principal) async throws -> Response {
        let projects = try await plane.projects.list(by: caller)
        var records: [(RunRecord, String)] = []
        for project in projects {
            let page = try await plane.runs.list(
                of: project.id, page: PageRequest(page: 1, perPage: Self.listedRuns), by: caller)
            records += page.items.map { ($0, project.name) }
        }
        records.sort { $0.0.createdAt > $1.0.createdAt }
        let shown = records.prefix(Self.listedRuns).map { record, project in
            RunPage.row(record, project: projects.count > 1 ? project : nil)
        }
        return Answer.html(
            templates.render(
                "runs",
                [
                    "title": "Runs", "signedIn": true, "runs": shown, "hasRuns": !shown.isEmpty,
                    "count": shown.isEmpty
                        ? "Nothing has run yet"
                        : shown.count == 1 ? "One run" : "The last \(shown.count) runs, newest first",
                ]))
    }

    private func run(_ caller: Principal, _ request: Request, _ context: CallContext) async throws -> Response {
        let id: RunID = try context.id("run")
        let view = try await plane.runs.get(id, by: caller)
        let wanted = request.uri.queryParameters["outcome"]
        let outcome = EndpointOutcome.allCases.first { $0.name == wanted.map(String.init) }
        let query = EndpointQuery(outcome: outcome, page: PageRequest(page: 1, perPage: Self.listedEndpoints))
        let endpoints = try await plane.runs.endpoints(of: id, query, by: caller)
        var values = RunPage.values(view, endpoints, outcome: outcome)
        values["signedIn"] = true
        return Answer.html(templates.render("run", values))
    }

    /// Takes a key from the form and gives a session. The key is looked at in locked memory, and only its hash is kept.
    private func signIn(_ request: Request) async throws -> Response {
        guard isFromHere(request) else { return door(wrong: "That form was not sent from this page.") }
        let bearer = try await SecretBody.withBytes(of: request.body, upTo: Self.largestForm) {
            bytes -> AccessUseCases.Bearer? in
            let field: StaticString = "key="
            guard bytes.count > field.utf8CodeUnitCount,
                (0..<field.utf8CodeUnitCount).allSatisfy({ bytes[$0] == field.utf8Start[$0] })
            else { return nil }
            let rest = bytes[field.utf8CodeUnitCount...]
            let end = rest.firstIndex(of: UInt8(ascii: "&")) ?? rest.endIndex
            return AccessUseCases.Bearer(UnsafeRawBufferPointer(rebasing: rest[..<end]))
        }
        guard let bearer else { return door(wrong: "That is no API key; one begins with cmk_ and has 44 characters.") }
        guard try await isKnown(bearer) else { return door(wrong: "That key is not known, or it was revoked.") }
        return begin(.key(bearer))
    }

    private func isKnown(_ bearer: AccessUseCases.Bearer) async throws(ControlPlaneError) -> Bool {
        do {
            _ = try await plane.access.authenticate(bearer)
            return true
        } catch {
            if error.code == .unauthenticated { return false }
            throw error
        }
    }

    private func enter(_ token: String) -> Response {
        guard let grant = sessions.redeem(link: token) else {
            return Answer.html(
                templates.render(
                    "message",
                    [
                        "title": "This link was used already",
                        "text": "Each link works once, within the hour. Sign in with an API key instead.",
                    ]), status: .gone)
        }
        return begin(grant)
    }

    private func begin(_ grant: SessionBook.Grant) -> Response {
        var response = Answer.redirect(to: "/")
        response.setCookie(cookie(sessions.open(grant).text, maxAge: Int(WebLimits.sessionSeconds)))
        return response
    }

    private func signOut(_ request: Request) -> Response {
        if let token = request.cookies[Authentication.cookie]?.value, isFromHere(request) { sessions.close(token) }
        var response = Answer.redirect(to: "/")
        response.setCookie(cookie("", maxAge: 0))
        return response
    }

    private func cookie(_ value: String, maxAge: Int) -> Cookie {
        Cookie(
            name: Authentication.cookie, value: value, maxAge: maxAge, path: "/", secure: secureCookies, httpOnly: true,
            sameSite: .strict)
    }

    /// Whether a form came from a page of ours: browsers say so in Origin or Sec-Fetch-Site.
    private func isFromHere(_ request: Request) -> Bool {
        if let site = HTTPField.Name("Sec-Fetch-Site").flatMap({ request.headers[$0] }) {
            return site == "same-origin" || site == "none"
        }
        guard let origin = request.headers[.origin] else { return true }
        guard let authority = request.head.authority else { return false }
        return origin == "http://\(authority)" || origin == "https://\(authority)"
    }

    private func asset(_ text: String, _ type: String) -> Response {
        var response = Answer.text(text, type: type)
        response.headers[.cacheControl] = "private, max-age=60"
        return response
    }
}
