// SPDX-License-Identifier: Apache-2.0

/// What every successful answer is wrapped in: `{"data": …, "meta": {…}}`.
public struct Envelope<Data: Codable & Sendable>: Codable, Sendable {
    /// The answer itself.
    public var data: Data
    /// What goes with it.
    public var meta: Meta

    /// An answer with its meta data.
    public init(data: Data, meta: Meta) {
        self.data = data
        self.meta = meta
    }
}

/// What goes with every answer, good or bad.
public struct Meta: Codable, Sendable, Hashable {
    /// Names this request in the server's log.
    public var requestId: String
    /// Which part of a list this is; absent where the answer is no list.
    public var pagination: Pagination?

    /// Meta data of one answer.
    public init(requestId: String, pagination: Pagination? = nil) {
        self.requestId = requestId
        self.pagination = pagination
    }
}

/// Which part of a list an answer holds.
public struct Pagination: Codable, Sendable, Hashable {
    /// Entries on a page when the request does not say.
    public static let standardPerPage = 25
    /// Entries a page has at most; keeps one answer's memory bounded.
    public static let largestPerPage = 500

    /// The page, from 1.
    public var page: Int
    /// How many entries a page has, 1…500.
    public var perPage: Int
    /// How many entries there are on all pages.
    public var total: Int
    /// How many pages there are; 1 for an empty list.
    public var pages: Int

    /// A page of a list with `total` entries.
    public init(page: Int, perPage: Int, total: Int) {
        self.page = page
        self.perPage = perPage
        self.total = total
        self.pages = max(1, (total + perPage - 1) / perPage)
    }
}

/// What every refusal is wrapped in: `{"error": {…}, "meta": {…}}`.
public struct ErrorEnvelope: Codable, Sendable {
    /// The refusal.
    public var error: ErrorBody
    /// What goes with it.
    public var meta: Meta

    /// A refusal with its meta data.
    public init(error: ErrorBody, meta: Meta) {
        self.error = error
        self.meta = meta
    }
}

/// Why a request was refused. Never holds a secret.
public struct ErrorBody: Codable, Sendable, Hashable {
    /// A fixed word that programs may switch on, `insufficient_sip_accounts` for example.
    public var code: String
    /// What is wrong and what to do, for people.
    public var message: String
    /// Numbers and names that belong to the code.
    public var details: JSONValue?

    /// A refusal from its parts.
    public init(code: String, message: String, details: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.details = details
    }
}
