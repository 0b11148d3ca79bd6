// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import Domain
import Reports
public import RunMetrics
import Store

extension RunUseCases {
    /// The messages of one endpoint, while and after the run. Throws `notFound` when none were kept: they are of endpoints that failed
    /// and of a sample, once the endpoint has closed.
    public func trace(
        of endpoint: UInt32, of id: RunID, by principal: Principal
    ) async throws(ControlPlaneError) -> EndpointTrace {
        _ = try await get(id, by: principal)
        let trace = try await services.perform("trace") { try await services.store.trace(of: endpoint, of: id) }
        guard let trace else {
            throw ControlPlaneError(
                .notFound,
                "no messages of endpoint \(endpoint) were kept; they are kept of endpoints that failed, and of some others, once "
                    + "an endpoint has closed")
        }
        return trace
    }

    /// All kept traces of a run as a capture file, part by part.
    public func capture(of id: RunID, by principal: Principal) async throws(ControlPlaneError) -> RunCapture {
        _ = try await get(id, by: principal)
        return RunCapture(run: id, services: services)
    }
}

/// A run's kept messages as a capture file, in parts whose bytes follow one another.
///
/// They are in order of time; of a run with more than 32 MiB of messages, each such part is.
public struct RunCapture: Sendable {
    /// How many traces are read at once.
    private static let chunk = 64
    /// What is put in order of time at once, in bytes.
    private static let sortedAtOnce = 32 << 20

    private enum Course {
        case header
        case records(after: UInt32?)
        case over
    }

    private let run: RunID
    private let services: Services
    private var capture = PacketCapture()
    private var course = Course.header

    init(run: RunID, services: Services) {
        self.run = run
        self.services = services
    }

    /// The next part; nil after the last one.
    public mutating func next() async throws(ControlPlaneError) -> [UInt8]? {
        switch course {
        case .header:
            course = .records(after: nil)
            return PacketCapture.fileHeader
        case .records(let last):
            let traces = try await gather(after: last)
            course = traces.last.map { .records(after: $0.endpoint) } ?? .over
            return traces.isEmpty ? nil : capture.records(of: traces)
        case .over: return nil
        }
    }

    /// As many traces as are put in order at once.
    private func gather(after endpoint: UInt32?) async throws(ControlPlaneError) -> [EndpointTrace] {
        try await services.perform("capture") {
            var traces: [EndpointTrace] = []
            var bytes = 0
            while bytes < Self.sortedAtOnce {
                let some = try await services.store.traces(
                    of: run, after: traces.last?.endpoint ?? endpoint, atMost: Self.chunk)
                guard !some.isEmpty else { break }
                traces += some
                bytes += some.reduce(0) { $0 + $1.messages.reduce(0) { $0 + $1.bytes.count } }
            }
            return traces
        }
    }
}
