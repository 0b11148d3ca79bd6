// SPDX-License-Identifier: Apache-2.0

import API
import AsyncHTTPClient
import Bedrock
import Domain
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1
import Synchronization
import Web

/// A server, over its REST interface. The key comes from `CALLMETER_API_KEY`, never from an argument.
struct RemoteWorkplace: Workplace, Redacted {
    /// Larger answers than a page of 500 accounts are not ours.
    private static let largestAnswer = 8 * 1_048_576
    /// What is read from an accounts file at once.
    private static let chunk = 65_536

    private let base: String
    private let authorization: String
    private let client: HTTPClient

    /// A server by its URL, `https://host`, with the key of the environment.
    init(url: String) throws(CommandFailure) {
        guard let key = getenv("CALLMETER_API_KEY"), key.pointee != 0 else {
            throw .usage("set CALLMETER_API_KEY to an API key of the server ('callmeter keys create' makes one there)")
        }
        // The HTTP library takes header values as strings; this one lives as long as the command.
        try self.init(url: url, authorization: "Bearer " + String(cString: key))
    }

    /// A server by its URL and the value of the Authorization header.
    init(url: String, authorization: String) throws(CommandFailure) {
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw .usage("'\(url)' is no URL of a server; it begins with https:// or http://")
        }
        self.authorization = authorization
        base = (url.hasSuffix("/") ? String(url.dropLast()) : url) + "/api/v1"
        client = HTTPClient()
    }

    func close() async throws { try await client.shutdown() }

    func projects() async throws -> [API.Project] { try await send(.GET, "/projects").data }

    func addProject(_ request: ProjectRequest) async throws -> API.Project {
        try await send(.POST, "/projects", json: request).data
    }

    func deletion(ofProject id: String) async throws -> API.Deletion {
        try await send(.GET, "/projects/\(id)/deletion").data
    }

    func deleteProject(_ id: String) async throws -> Deleted { try await send(.DELETE, "/projects/\(id)").data }

    func registrars(of project: String) async throws -> [API.Registrar] {
        try await send(.GET, "/projects/\(project)/registrars").data
    }

    func addRegistrar(_ request: RegistrarRequest, to project: String) async throws -> API.Registrar {
        try await send(.POST, "/projects/\(project)/registrars", json: request).data
    }

    func deletion(ofRegistrar id: String) async throws -> API.Deletion {
        try await send(.GET, "/registrars/\(id)/deletion").data
    }

    func deleteRegistrar(_ id: String) async throws -> Deleted { try await send(.DELETE, "/registrars/\(id)").data }

    func accounts(
        of registrar: String, _ filter: AccountFilter, page: Int, perPage: Int
    ) async throws -> (items: [API.Account], total: Int) {
        var path = "/registrars/\(registrar)/accounts?perPage=\(perPage)&page=\(page)&sort=\(Self.escaped(filter.sort))"
        if let inUse = filter.inUse { path += "&inUse=\(inUse)" }
        if let text = filter.text { path += "&q=\(Self.escaped(text))" }
        let answer: Envelope<[API.Account]> = try await send(.GET, path)
        return (answer.data, answer.meta.pagination?.total ?? answer.data.count)
    }

    func accountUsage(of registrar: String, endpoints: Int?) async throws -> API.AccountUsage {
        let query = endpoints.map { "?endpoints=\($0)" } ?? ""
        return try await send(.GET, "/registrars/\(registrar)/accounts/usage\(query)").data
    }

    func importAccounts(
        _ source: consuming SecretSource, as format: ImportFormat, into registrar: String, dryRun: Bool,
        progress: @escaping @Sendable (ListStep) -> Void
    ) async throws -> API.ImportReport {
        try await send(source, as: format, to: "/registrars/\(registrar)/accounts/import", dryRun: dryRun, progress)
    }

    func rotateAccounts(
        _ source: consuming SecretSource, as format: ImportFormat, of registrar: String, dryRun: Bool,
        progress: @escaping @Sendable (ListStep) -> Void
    ) async throws -> API.ImportReport {
        try await send(source, as: format, to: "/registrars/\(registrar)/accounts/rotate", dryRun: dryRun, progress)
    }

    private func send(
        _ source: consuming SecretSource, as format: ImportFormat, to path: String, dryRun: Bool,
        _ progress: @escaping @Sendable (ListStep) -> Void
    ) async throws -> API.ImportReport {
        // The library owns the buffers it sends; each holds one chunk and is given back as soon as it is written.
        let chunks = SecretChunks(source, size: Self.chunk, progress)
        return try await send(
            .POST, "\(path)?dryRun=\(dryRun)&format=\(format.rawValue)",
            type: format == .csv ? "text/csv" : "text/plain", body: .stream(chunks, length: .unknown)
        ).data
    }

    func deleteAccounts(
        _ request: AccountDeletionRequest, of registrar: String
    ) async throws -> AccountDeletionReport {
        try await send(.POST, "/registrars/\(registrar)/accounts/delete", json: request).data
    }

    func send<Value: Codable & Sendable>(
        _ method: HTTPMethod, _ path: String, json: some Encodable
    ) async throws -> Envelope<Value> {
        let body = ByteBuffer(bytes: try JSONEncoder().encode(json))
        return try await send(method, path, type: "application/json", body: .bytes(body))
    }

    func send<Value: Codable & Sendable>(
        _ method: HTTPMethod, _ path: String, type: String? = nil, body: HTTPClientRequest.Body? = nil
    ) async throws -> Envelope<Value> {
        try await sendPlain(method, path, type: type, body: body)
    }

    func exportedRun(_ id: String) async throws -> ExportedRun {
        try await sendPlain(.GET, "/runs/\(id)/export?format=json&endpoints=false")
    }

    /// An answer without the envelope, or with it where the value is one.
    private func sendPlain<Value: Decodable>(
        _ method: HTTPMethod, _ path: String, type: String? = nil, body: HTTPClientRequest.Body? = nil
    ) async throws -> Value {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        request.headers.add(name: "Authorization", value: authorization)
        if let type { request.headers.add(name: "Content-Type", value: type) }
        request.body = body
        let status: UInt
        let answer: Data
        do {
            let response = try await client.execute(request, timeout: .seconds(600))
            status = response.status.code
            answer = Data(try await response.body.collect(upTo: Self.largestAnswer).readableBytesView)
        } catch {
            throw CommandFailure(.unreachable, "\(base): \(error)")
        }
        let decoder = JSONDecoder()
        if status < 300, let value = try? decoder.decode(Value.self, from: answer) { return value }
        guard let refusal = try? decoder.decode(ErrorEnvelope.self, from: answer) else {
            throw CommandFailure(.unreachable, "\(base) answered \(status), not as a CallMeter server does")
        }
        throw CommandFailure.usage(refusal.error.message)
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default: escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }
}

/// An accounts file as a body that is read while it is sent.
private final class SecretChunks: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private let source: SecretSource
    private let size: Int
    private let progress: @Sendable (ListStep) -> Void
    private let sent = Mutex(0)

    init(_ source: consuming SecretSource, size: Int, _ progress: @escaping @Sendable (ListStep) -> Void) {
        self.source = source
        self.size = size
        self.progress = progress
    }

    struct Iterator: AsyncIteratorProtocol {
        let chunks: SecretChunks

        mutating func next() async throws -> ByteBuffer? { try chunks.read() }
    }

    func makeAsyncIterator() -> Iterator { Iterator(chunks: self) }

    private func read() throws -> ByteBuffer? {
        var buffer = ByteBuffer()
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { free in
            try source.read(into: UnsafeMutableRawBufferPointer(rebasing: free[..<size]))
        }
        guard buffer.readableBytes > 0 else { return nil }
        let bytes = sent.withLock { sent in
            sent += buffer.readableBytes
            return sent
        }
        progress(ListStep(bytes: bytes, accounts: nil))
        return buffer
    }
}
