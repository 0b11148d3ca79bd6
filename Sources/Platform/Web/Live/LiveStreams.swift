// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// `GET /runs/{run}/events`: a run as server-sent events (HTML Living Standard §9.2), one line of JSON each.
///
/// A reader that comes back with `Last-Event-ID` gets what it missed. Each stream ends with the run.
final class LiveStreams: Sendable {
    private let plane: ControlPlane
    private let open = Atomic(0)

    init(plane: ControlPlane) { self.plane = plane }

    /// How many streams are open.
    var count: Int { open.load(ordering: .relaxed) }

    /// Opens a stream. Throws `notFound`, and answers 503 when too many are open.
    func response(to request: Request, _ context: CallContext, run: RunID) async throws -> Response {
        let last = HTTPField.Name("Last-Event-ID").flatMap { request.headers[$0] }.flatMap { UInt64($0) } ?? 0
        guard count < WebLimits.mostEventStreams else {
            throw HTTPError(.serviceUnavailable, message: "too many event streams are open; close one")
        }
        let events = try await plane.runs.events(of: run, after: last, by: context.principal())
        let body = ResponseBody { [self] writer in
            open.add(1, ordering: .relaxed)
            defer { open.subtract(1, ordering: .relaxed) }
            // Sent at once, so that the reader knows the stream stands; also how long it waits before it comes back.
            try await writer.write(ByteBuffer(string: "retry: 1000\n\n"))
            for await event in events {
                try await writer.write(try Self.frame(event))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
    }

    static func frame(_ event: RunEvent) throws -> ByteBuffer {
        let name: String
        var json: ByteBuffer
        switch event.kind {
        case .status(let record):
            name = "status"
            json = try Answer.encode(API.Run(record))
        case .progress(let progress):
            name = "progress"
            json = try Answer.encode(ProgressEvent(progress))
        case .window(let window):
            name = "metrics"
            json = try Answer.encode(RunWindow(window))
        }
        var frame = ByteBuffer(string: "id: \(event.id)\nevent: \(name)\ndata: ")
        frame.writeBuffer(&json)
        frame.writeStaticString("\n\n")
        return frame
    }
}

extension ProgressEvent {
    init(_ progress: RunProgress) {
        self.init(
            status: progress.status.rawValue, second: Int(progress.second), endpoints: progress.endpoints,
            registered: progress.registered, failed: progress.failed, closed: progress.closed,
            callsUp: progress.callsUp,
            callsEstablished: progress.callsEstablished, callsFailed: progress.callsFailed)
    }
}
