// SPDX-License-Identifier: Apache-2.0

import Bedrock
import ControlPlane
import Domain
import FoundationEssentials
import Hummingbird
import NIOCore

extension CallContext {
    /// The identifier in a place of the path. Throws `notFound` for what cannot be one.
    func id<Kind>(_ name: String, of _: Kind.Type = Kind.self) throws(ControlPlaneError) -> ID<Kind> {
        let text = parameters.get(name) ?? ""
        guard let id = ID<Kind>(text) else {
            throw ControlPlaneError(.notFound, "'\(text.prefix(64))' is no identifier; it has 26 letters and digits")
        }
        return id
    }

    /// The page asked for. Throws `invalid` for what is no number.
    func pageRequest(_ request: Request) throws(ControlPlaneError) -> PageRequest {
        PageRequest(
            page: try number("page", request) ?? 1, perPage: try number("perPage", request) ?? PageRequest.usualPage)
    }

    /// A whole number, not negative, of the query. Throws `invalid`.
    func number(_ name: String, _ request: Request) throws(ControlPlaneError) -> Int? {
        guard let text = request.uri.queryParameters[Substring(name)] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw ControlPlaneError(.invalid, "'\(name)' must be a whole number", details: ["field": name])
        }
        return number
    }

    /// `true` or `false` of the query. Throws `invalid`.
    func flag(_ name: String, _ request: Request) throws(ControlPlaneError) -> Bool? {
        switch request.uri.queryParameters[Substring(name)] {
        case nil: nil
        case "true", "1", "": true
        case "false", "0": false
        default: throw ControlPlaneError(.invalid, "'\(name)' must be true or false", details: ["field": name])
        }
    }

    /// A body of JSON.
    func read<Value: Decodable>(_: Value.Type, from request: Request) async throws -> Value {
        let buffer = try await request.body.collect(upTo: maxUploadSize)
        return try JSONDecoder().decode(Value.self, from: Data(buffer.readableBytesView))
    }
    /// A body of JSON, or nil where there is no body.
    func readIfAny<Value: Decodable>(_: Value.Type, from request: Request) async throws -> Value? {
        let buffer = try await request.body.collect(upTo: maxUploadSize)
        guard buffer.readableBytes > 0 else { return nil }
        return try JSONDecoder().decode(Value.self, from: Data(buffer.readableBytesView))
    }
}
