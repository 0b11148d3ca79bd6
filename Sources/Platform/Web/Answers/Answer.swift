// SPDX-License-Identifier: Apache-2.0

import API
import Domain
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// Makes responses: every JSON body of the API goes through here, so every one has the envelope.
enum Answer {
    /// `{"data": …, "meta": …}`.
    static func data(
        _ data: some Codable & Sendable, _ context: CallContext, status: HTTPResponse.Status = .ok,
        pagination: Pagination? = nil
    ) throws -> Response {
        let envelope = Envelope(data: data, meta: Meta(requestId: context.id, pagination: pagination))
        return try json(envelope, status: status)
    }

    /// One page of a list.
    static func page<Item: Sendable, Shown: Codable & Sendable>(
        _ page: Page<Item>, _ request: PageRequest, _ context: CallContext, _ show: (Item) -> Shown
    ) throws -> Response {
        try data(
            page.items.map(show), context,
            pagination: Pagination(page: request.page, perPage: request.perPage, total: page.total))
    }

    /// `{"error": …, "meta": …}`.
    static func error(
        _ error: ErrorBody, status: HTTPResponse.Status, requestID: String, headers: HTTPFields = [:]
    ) throws -> Response {
        var response = try json(ErrorEnvelope(error: error, meta: Meta(requestId: requestID)), status: status)
        for field in headers { response.headers.append(field) }
        return response
    }

    /// A page for people.
    static func html(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        self.text(text, type: "text/html; charset=utf-8", status: status)
    }

    /// Text of any type.
    static func text(_ text: String, type: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    /// Sends the browser elsewhere with GET.
    static func redirect(to path: String) -> Response {
        Response(status: .seeOther, headers: [.location: path])
    }

    /// JSON with keys in a fixed order, so that answers can be compared.
    static func encode(_ value: some Encodable) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ByteBuffer(bytes: try encoder.encode(value))
    }

    private static func json(_ value: some Encodable, status: HTTPResponse.Status) throws -> Response {
        Response(
            status: status, headers: [.contentType: "application/json; charset=utf-8"],
            body: ResponseBody(byteBuffer: try encode(value)))
    }
}
