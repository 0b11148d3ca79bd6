// SPDX-License-Identifier: Apache-2.0

/// One page of a list.
public struct Page<Item: Sendable>: Sendable {
    /// What is on this page.
    public var items: [Item]
    /// How many there are on all pages.
    public var total: Int

    /// A page from its parts.
    public init(items: [Item], total: Int) {
        self.items = items
        self.total = total
    }
}

/// Which page of a list is wanted.
public struct PageRequest: Hashable, Sendable {
    /// No page holds more, so that no answer is unbounded.
    public static let largestPage = 500
    /// How many a page holds unless asked otherwise.
    public static let usualPage = 25

    /// The page, from 1.
    public let page: Int
    /// Items on a page, 1…500.
    public let perPage: Int

    /// A request; numbers out of range are brought into it.
    public init(page: Int = 1, perPage: Int = PageRequest.usualPage) {
        self.perPage = min(max(1, perPage), Self.largestPage)
        self.page = min(max(1, page), Int.max / Self.largestPage)
    }

    /// How many items come before this page.
    public var offset: Int { (page - 1) * perPage }
}
