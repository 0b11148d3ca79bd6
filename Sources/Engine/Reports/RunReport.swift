// SPDX-License-Identifier: Apache-2.0

import Bedrock
public import Domain
public import RunMetrics

/// A finished run as its reports need it. Endpoints pass by in pages and are not kept, but for the few that are shown.
public struct RunReport: Sendable {
    /// Endpoints shown by name at most, of those that failed and of the slowest.
    public static let mostShown = 50
    /// Causes that are shown with the messages of an endpoint.
    public static let mostTraced = 10

    /// What is kept of the run itself.
    public let record: RunRecord
    /// Figures, verdict and causes.
    public let summary: RunSummary
    /// The test as it was.
    public let definition: DocumentNode?
    /// The seconds of the run, in order; empty where none were kept.
    public private(set) var windows: [Window] = []
    /// The distributions behind the summary.
    public private(set) var samples = RunSamples()
    /// The first endpoints that failed, in order.
    public private(set) var failed: [EndpointRecord] = []
    /// Endpoints with the greatest delays, the slowest first.
    public private(set) var slowest: [EndpointRecord] = []
    /// Post-dial delays by second.
    private(set) var postDialDelays = DelaySeries()
    /// Registration delays by second.
    private(set) var registrationDelays = DelaySeries()
    /// Times from the first INVITE to the 200, by the second of the 200.
    private(set) var setupTimes = DelaySeries()
    /// Times from the first INVITE to the end of the dialog, by the second of the end; calls counted at the caller.
    private(set) var callLengths = DelaySeries()

    /// The messages of one endpoint for each of the first causes, by endpoint.
    public private(set) var traces: [UInt32: EndpointTrace] = [:]

    /// A report that has seen no endpoint and no second yet.
    public init(record: RunRecord, summary: RunSummary, definition: DocumentNode?) {
        self.record = record
        self.summary = summary
        self.definition = definition
    }

    /// Takes the next endpoints, in order.
    public mutating func add(_ endpoints: some Sequence<EndpointRecord>) {
        for endpoint in endpoints { add(endpoint) }
    }

    /// Takes the next seconds, in order.
    public mutating func add(windows: some Sequence<Window>) { self.windows += windows }

    /// Takes the messages of an endpoint that stands for a cause.
    public mutating func add(trace: EndpointTrace) { traces[trace.endpoint] = trace }

    /// The endpoints whose messages are shown: the first one of each of the first causes.
    public var traced: [UInt32] { summary.diagnoses.prefix(Self.mostTraced).compactMap(\.endpoints.first) }

    private mutating func add(_ endpoint: EndpointRecord) {
        let result = endpoint.result
        samples.add(result)
        if let delay = result.registration.delay, let sent = result.registration.sentAt {
            registrationDelays.add(delay.milliseconds, at: sent)
        }
        for call in result.calls where call.role == .caller {
            guard let invited = call.invitedAt else { continue }
            if let delay = call.postDialDelay { postDialDelays.add(delay.milliseconds, at: invited) }
            if let time = call.setupTime { setupTimes.add(time.milliseconds, at: invited + time) }
            guard call.establishedAt != nil, let ended = call.endedAt else { continue }
            callLengths.add((ended - invited).milliseconds, at: ended)
        }
        if result.outcome.severity >= 10, failed.count < Self.mostShown { failed.append(endpoint) }
        keepIfSlow(endpoint)
    }

    private mutating func keepIfSlow(_ endpoint: EndpointRecord) {
        let delay = endpoint.result.longestDelay
        guard delay > 0 else { return }
        if slowest.count == Self.mostShown, let last = slowest.last, delay <= last.result.longestDelay { return }
        let place = slowest.firstIndex { $0.result.longestDelay < delay } ?? slowest.count
        slowest.insert(endpoint, at: place)
        if slowest.count > Self.mostShown { slowest.removeLast() }
    }

    /// How long it went, in seconds; nil for a run that never began.
    public var seconds: Double? {
        guard let start = record.startedAt, let end = record.endedAt else { return nil }
        return (end - start).seconds
    }
}

extension EndpointResult {
    /// The longest of its post-dial delays, or its registration's delay where it called nobody; milliseconds.
    var longestDelay: Double {
        calls.compactMap { $0.postDialDelay?.milliseconds }.max() ?? registration.delay?.milliseconds ?? 0
    }
}
