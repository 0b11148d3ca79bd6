// SPDX-License-Identifier: Apache-2.0

import API
import ControlPlane
import Domain
import HTTPTypes
import Hummingbird
import NIOCore
import Reports

/// `/runs/{run}/endpoints/{n}/trace`, and a run's messages as a capture file.
struct TraceRoutes {
    /// How wide a ladder is drawn.
    private static let ladderWidth = 110
    /// The media type of capture files (registered by Wireshark's makers).
    private static let captureType = "application/vnd.tcpdump.pcap"

    let plane: ControlPlane

    func add(to group: RouterGroup<CallContext>) {
        group.get("runs/{run}/endpoints/{n}/trace") { request, context in
            guard let index = UInt32(context.parameters.get("n") ?? "") else {
                throw ControlPlaneError(.notFound, "an endpoint is a number from 0")
            }
            let format = request.uri.queryParameters["format"] ?? "json"
            guard ["json", "text", "pcap"].contains(format) else {
                throw ControlPlaneError(.invalid, "'format' is one of json, text, pcap", details: ["field": "format"])
            }
            let run: RunID = try context.id("run")
            let trace = try await plane.runs.trace(of: index, of: run, by: context.principal())
            switch format {
            case "text":
                return Answer.text(
                    Ladder.text(trace, columns: Self.ladderWidth) + "\n", type: "text/plain; charset=utf-8")
            case "pcap":
                var capture = PacketCapture()
                let bytes = PacketCapture.fileHeader + capture.records(of: [trace])
                return Self.capture("callmeter-\(run)-\(index)", ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
            default: return try Answer.data(API.Trace(trace), context)
            }
        }
    }

    /// All kept messages of a run as a capture file, sent while they are read.
    static func export(_ run: RunID, _ principal: Principal, _ plane: ControlPlane) async throws -> Response {
        let parts = try await plane.runs.capture(of: run, by: principal)
        return capture(
            "callmeter-\(run)",
            ResponseBody { writer in
                var parts = parts
                while let part = try await parts.next() { try await writer.write(ByteBuffer(bytes: part)) }
                try await writer.finish(nil)
            })
    }

    private static func capture(_ name: String, _ body: ResponseBody) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: captureType, .contentDisposition: "attachment; filename=\"\(name).pcap\""],
            body: body)
    }
}
