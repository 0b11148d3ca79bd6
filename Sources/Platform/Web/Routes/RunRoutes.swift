// SPDX-License-Identifier: Apache-2.0

import API
import Bedrock
import ControlPlane
import Domain
import HTTPTypes
import Hummingbird
import NIOCore
import Reports
import RunMetrics

/// `/tests/{test}/runs`, `/projects/{project}/runs` and `/runs/{run}`.
struct RunRoutes {
    let plane: ControlPlane
    let live: LiveStreams

    func add(to group: RouterGroup<CallContext>) {
        group.post("tests/{test}/runs") { _, context in
            let run = try await plane.runs.start(context.id("test"), by: context.principal())
            return try Answer.data(API.Run(run), context, status: .created)
        }
        group.get("tests/{test}/runs") { request, context in
            let caller = try context.principal()
            let test = try await plane.tests.get(context.id("test"), by: caller)
            let page = try context.pageRequest(request)
            let runs = try await plane.runs.list(
                of: test.record.project, test: test.record.id, page: page, by: caller)
            return try Answer.page(runs, page, context, API.Run.init)
        }
        group.get("projects/{project}/runs") { request, context in
            let page = try context.pageRequest(request)
            let runs = try await plane.runs.list(of: context.id("project"), page: page, by: context.principal())
            return try Answer.page(runs, page, context, API.Run.init)
        }
        group.get("runs") { request, context in
            guard request.uri.queryParameters["project"] == "none" else {
                throw ControlPlaneError(
                    .invalid,
                    "'project' is 'none': the runs whose project was deleted; others are under /projects/{project}/runs",
                    details: ["field": "project"])
            }
            let page = try context.pageRequest(request)
            let runs = try await plane.runs.listWithoutProject(page: page, by: context.principal())
            return try Answer.page(runs, page, context, API.Run.init)
        }
        group.get("runs/{run}") { _, context in
            let view = try await plane.runs.get(context.id("run"), by: context.principal())
            return try Answer.data(RunDetail(run: API.Run(view.record), summary: view.summary), context)
        }
        group.post("runs/{run}/stop") { _, context in
            let run = try await plane.runs.stop(context.id("run"), by: context.principal())
            return try Answer.data(API.Run(run), context)
        }
        group.get("runs/{run}/endpoints") { request, context in
            let query = try Self.query(request, context)
            let page = try await plane.runs.endpoints(of: context.id("run"), query, by: context.principal())
            return try Answer.page(page, query.page, context) { API.Endpoint($0.result, diagnosis: $0.diagnosis) }
        }
        group.get("runs/{run}/endpoints/{n}") { _, context in
            guard let index = UInt32(context.parameters.get("n") ?? "") else {
                throw ControlPlaneError(.notFound, "an endpoint is a number from 0")
            }
            let record = try await plane.runs.endpoint(index, of: context.id("run"), by: context.principal())
            return try Answer.data(API.Endpoint(record.result, diagnosis: record.diagnosis), context)
        }
        group.get("runs/{run}/export") { request, context in
            try await Self.export(request, context, plane)
        }
        group.get("runs/{run}/events") { request, context in
            try await live.response(to: request, context, run: context.id("run"))
        }
    }

    /// A finished run in one of the formats; what is long is sent while it is read.
    private static func export(
        _ request: Request, _ context: CallContext, _ plane: ControlPlane
    ) async throws -> Response {
        let word = request.uri.queryParameters["format"].map(String.init) ?? RunExport.Format.json.rawValue
        if word == "pcap" { return try await TraceRoutes.export(context.id("run"), context.principal(), plane) }
        guard let format = RunExport.Format(rawValue: word) else {
            let words = (RunExport.Format.allCases.map(\.rawValue) + ["pcap"]).joined(separator: ", ")
            throw ControlPlaneError(.invalid, "'format' is one of \(words)", details: ["field": "format"])
        }
        let withEndpoints = try context.flag("endpoints", request) ?? true
        let export = try await RunExport(of: context.id("run"), in: plane, by: context.principal())
        let name = "callmeter-\(export.report.record.id)\(format.fileEnding)"
        let body = ResponseBody { writer in
            var pieces = export.pieces(format, withEndpoints: withEndpoints)
            while let piece = try await pieces.next() { try await writer.write(ByteBuffer(string: piece)) }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: format.contentType, .contentDisposition: "attachment; filename=\"\(name)\""],
            body: body)
    }

    private static func query(_ request: Request, _ context: CallContext) throws(ControlPlaneError) -> EndpointQuery {
        var query = EndpointQuery(page: try context.pageRequest(request))
        query.group = request.uri.queryParameters["group"].map(String.init)
        query.diagnosis = request.uri.queryParameters["diagnosis"].map(String.init)
        if let name = request.uri.queryParameters["outcome"] {
            guard let outcome = EndpointOutcome.allCases.first(where: { $0.name == name }) else {
                let names = EndpointOutcome.allCases.map(\.name).joined(separator: ", ")
                throw ControlPlaneError(.invalid, "'outcome' is one of \(names)", details: ["field": "outcome"])
            }
            query.outcome = outcome
        }
        return query
    }
}

extension API.Run {
    init(_ run: RunRecord) {
        self.init(
            id: run.id.description, projectId: run.project?.description, projectName: run.projectName,
            testId: run.test?.description,
            testName: run.testName, status: run.status.rawValue, verdict: run.verdict?.rawValue,
            failure: run.failure?.text, failureCode: run.failure?.code, endpointCount: run.endpoints,
            createdAt: run.createdAt.text, startedAt: run.startedAt?.text, endedAt: run.endedAt?.text)
    }
}
