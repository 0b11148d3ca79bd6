// SPDX-License-Identifier: Apache-2.0

public import API
public import ControlPlane
public import Domain
import FoundationEssentials
public import Reports
public import RunMetrics

/// A finished run in the formats that others read, written piece by piece: endpoints pass by in pages.
public struct RunExport: Sendable {
    /// What a run can be turned into; the raw value is the word in API and command line.
    public enum Format: String, Sendable, CaseIterable {
        /// Everything: run, summary, distributions, seconds, and every endpoint's result.
        case json
        /// A line for each endpoint.
        case csv
        /// A line for each second.
        case seconds
        /// JUnit XML.
        case junit
        /// One HTML file.
        case html
        /// The columns of SIPp's statistics file.
        case sipp

        /// The media type of what is written.
        public var contentType: String {
            switch self {
            case .json: "application/json; charset=utf-8"
            case .csv, .seconds: "text/csv; charset=utf-8; header=present"
            case .junit: "application/xml; charset=utf-8"
            case .html: "text/html; charset=utf-8"
            case .sipp: "text/csv; charset=utf-8; header=present"
            }
        }

        /// How a file of it is called, after the run.
        public var fileEnding: String {
            switch self {
            case .json: ".json"
            case .csv: "-endpoints.csv"
            case .seconds: "-seconds.csv"
            case .junit: ".junit.xml"
            case .html: ".html"
            case .sipp: "-sipp.csv"
            }
        }
    }

    /// What the formats are made of.
    public let report: RunReport
    private let plane: ControlPlane
    private let principal: Principal

    /// Gathers what there is of a run. Throws `notFound`, and `wrongStatus` while it goes on.
    public init(
        of run: RunID, in plane: ControlPlane, by principal: Principal
    ) async throws(ControlPlaneError) {
        report = try await plane.runs.report(of: run, by: principal)
        self.plane = plane
        self.principal = principal
    }

    /// One format, piece by piece.
    ///
    /// - Parameter withEndpoints: whether JSON holds every endpoint's result.
    public func pieces(_ format: Format, withEndpoints: Bool = true) -> Pieces {
        Pieces(export: self, format: format, withEndpoints: withEndpoints)
    }

    /// The text of a format as pieces, each made when it is asked for.
    public struct Pieces: Sendable {
        private enum Next {
            case head
            case page(Int)
            case tail
            case nothing
        }

        private let export: RunExport
        private let format: Format
        private let withEndpoints: Bool
        private var place = Next.head
        private var isFirstEndpoint = true

        init(export: RunExport, format: Format, withEndpoints: Bool) {
            self.export = export
            self.format = format
            self.withEndpoints = withEndpoints
        }

        /// The next piece; nil after the last.
        public mutating func next() async throws -> String? {
            switch place {
            case .head:
                let hasPages = format == .csv || format == .json && withEndpoints
                place = hasPages ? .page(1) : .nothing
                return try head()
            case .page(let number):
                let page = try await export.page(number)
                place = page.count == PageRequest.largestPage ? .page(number + 1) : .tail
                return try text(of: page)
            case .tail:
                place = .nothing
                return format == .json ? "]}\n" : nil
            case .nothing: return nil
            }
        }

        private func head() throws -> String {
            let report = export.report
            switch format {
            case .json:
                let head = try RunExport.text(ExportedRun(report))
                // The list goes in before the brace that closes the rest.
                return withEndpoints ? head.dropLast() + ",\"endpointResults\":[" : head + "\n"
            case .csv: return CSVTables.endpointHeading
            case .seconds: return CSVTables.windowHeading + report.windows.map(CSVTables.row).joined()
            case .junit: return JUnit.text(report)
            case .html: return HTMLReport.text(report)
            case .sipp: return SIPpStatistics.text(report)
            }
        }

        private mutating func text(of page: [EndpointRecord]) throws -> String {
            guard format == .json else { return page.map(CSVTables.row).joined() }
            let texts = try page.map { try RunExport.text(API.Endpoint($0.result, diagnosis: $0.diagnosis)) }
            guard !texts.isEmpty else { return "" }
            defer { isFirstEndpoint = false }
            return (isFirstEndpoint ? "\n" : ",\n") + texts.joined(separator: ",\n")
        }
    }

    private func page(_ number: Int) async throws -> [EndpointRecord] {
        let request = PageRequest(page: number, perPage: PageRequest.largestPage)
        return try await plane.runs.endpoints(
            of: report.record.id, EndpointQuery(page: request), by: principal
        ).items
    }

    private static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// The head of an exported run: run and summary beside each other, as `GET /runs/{run}` has them, the distributions and the seconds.
public struct ExportedRun: Codable, Sendable {
    private enum Keys: String, CodingKey {
        case samples, windows
    }

    /// The run and its summary.
    public var detail: RunDetail<RunSummary>
    /// The distributions behind the summary.
    public var samples: RunSamples
    /// The seconds of the run.
    public var windows: [RunWindow]

    /// The head of a report.
    public init(_ report: RunReport) {
        detail = RunDetail(run: API.Run(report.record), summary: report.summary)
        samples = report.samples
        windows = report.windows.map(RunWindow.init)
    }

    /// Reads it back. Throws for what has no distributions: a summary of a release before they were written.
    public init(from decoder: any Decoder) throws {
        let run = try API.Run(from: decoder)
        detail = RunDetail(run: run, summary: try RunSummary(from: decoder))
        let values = try decoder.container(keyedBy: Keys.self)
        samples = try values.decode(RunSamples.self, forKey: .samples)
        windows = try values.decodeIfPresent([RunWindow].self, forKey: .windows) ?? []
    }

    /// Writes it.
    public func encode(to encoder: any Encoder) throws {
        try detail.encode(to: encoder)
        var values = encoder.container(keyedBy: Keys.self)
        try values.encode(samples, forKey: .samples)
        try values.encode(windows, forKey: .windows)
    }
}
