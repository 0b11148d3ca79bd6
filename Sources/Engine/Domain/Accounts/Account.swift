// SPDX-License-Identifier: Apache-2.0

public import Bedrock
public import RunMetrics

/// What may be shown of an account: never its secret, not even the secret's length (A6).
public struct AccountSummary: Hashable, Sendable {
    /// Its identifier.
    public var id: AccountID
    /// The registrar it belongs to.
    public var registrar: RegistrarID
    /// The digest user, case-sensitive, unique within the registrar.
    public var username: String
    /// The fixed realm; nil for "auto": taken from the challenge (F2).
    public var realm: String?
    /// The user part of the address-of-record where it differs from the username (F7).
    public var extensionNumber: String?
    /// Place in the order of addition; allocation takes the lowest first (B4, D1).
    public var position: Int64
    /// When it was added.
    public var addedAt: UnixTime
    /// The run that holds it now.
    public var inUseBy: RunID?
    /// The endpoint of that run which has it, from 0; nil when it is free.
    public var endpoint: UInt32?
    /// How its last registration ended; nil when it never tried one.
    public var lastRegistration: RegistrationRecord?

    /// A summary from its parts.
    public init(
        id: AccountID, registrar: RegistrarID, username: String, realm: String?, extensionNumber: String?,
        position: Int64, addedAt: UnixTime, inUseBy: RunID?, endpoint: UInt32? = nil,
        lastRegistration: RegistrationRecord?
    ) {
        self.id = id
        self.registrar = registrar
        self.username = username
        self.realm = realm
        self.extensionNumber = extensionNumber
        self.position = position
        self.addedAt = addedAt
        self.inUseBy = inUseBy
        self.endpoint = endpoint
        self.lastRegistration = lastRegistration
    }
}

/// How an account's last registration ended.
public struct RegistrationRecord: Hashable, Sendable {
    /// The final SIP status; nil when no answer came.
    public var status: SIPStatus?
    /// When it ended.
    public var at: UnixTime

    /// A result from its parts.
    public init(status: SIPStatus?, at: UnixTime) {
        self.status = status
        self.at = at
    }
}

/// A Contact that may still be bound at the server, because its endpoint could not un-REGISTER (D5).
public struct LeftoverContact: Hashable, Sendable {
    /// The Contact header's value exactly as it was registered.
    public var contact: String
    /// When the server forgets it by itself.
    public var expiresAt: UnixTime

    /// A leftover from its parts.
    public init(contact: String, expiresAt: UnixTime) {
        self.contact = contact
        self.expiresAt = expiresAt
    }
}

/// What a registration left behind at an account, reported when its run ends.
public struct RegistrationUpdate: Hashable, Sendable {
    /// The account.
    public var account: AccountID
    /// How the registration ended; nil leaves what is known.
    public var registration: RegistrationRecord?
    /// The binding still standing; nil when there is none, which also clears an older one.
    public var leftover: LeftoverContact?

    /// An update from its parts.
    public init(account: AccountID, registration: RegistrationRecord?, leftover: LeftoverContact?) {
        self.account = account
        self.registration = registration
        self.leftover = leftover
    }
}

/// An account about to be stored: its secret is sealed already.
public struct NewAccount: Hashable, Sendable {
    /// The identifier the secret is bound to.
    public var id: AccountID
    /// The digest user.
    public var username: String
    /// The fixed realm, if any.
    public var realm: String?
    /// The user part of the address-of-record where it differs.
    public var extensionNumber: String?
    /// The password, sealed for this account of this registrar.
    public var secret: SealedSecret

    /// A new account from its parts.
    public init(
        id: AccountID, username: String, realm: String? = nil, extensionNumber: String? = nil, secret: SealedSecret
    ) {
        self.id = id
        self.username = username
        self.realm = realm
        self.extensionNumber = extensionNumber
        self.secret = secret
    }
}

/// How a list of accounts is ordered.
public enum AccountOrder: String, Hashable, Sendable, CaseIterable {
    case position, username, addedAt
}

/// Which accounts of a registrar are wanted, and in which order.
public struct AccountQuery: Hashable, Sendable {
    /// Part of the username, ASCII letters in either case; nil for all.
    public var text: String?
    /// True for those a run holds, false for free ones, nil for both.
    public var inUse: Bool?
    /// The order.
    public var order: AccountOrder
    /// Whether the order is turned round.
    public var descending: Bool
    /// Which page.
    public var page: PageRequest

    /// A query from its parts; without any, the first page of all in order of addition.
    public init(
        text: String? = nil, inUse: Bool? = nil, order: AccountOrder = .position, descending: Bool = false,
        page: PageRequest = PageRequest()
    ) {
        self.text = text
        self.inUse = inUse
        self.order = order
        self.descending = descending
        self.page = page
    }
}

/// Which accounts of a registrar are to be deleted.
public enum AccountSelection: Hashable, Sendable {
    /// Exactly these; unknown ones are passed over.
    case ids([AccountID])
    /// All whose username holds this text, as in `AccountQuery.text`.
    case matching(String)
    /// Every one.
    case all
}

/// An account that was not deleted, because a live run holds it (A7).
public struct HeldAccount: Hashable, Sendable {
    /// The account.
    public var account: AccountID
    /// Its username.
    public var username: String
    /// The run that holds it.
    public var run: RunID

    /// A refusal from its parts.
    public init(account: AccountID, username: String, run: RunID) {
        self.account = account
        self.username = username
        self.run = run
    }
}

/// What a deletion did.
public struct AccountDeletion: Hashable, Sendable {
    /// No answer names more refused accounts than this; `refusedCount` counts all.
    public static let mostNamed = 1_000

    /// How many are gone.
    public var deleted: Int
    /// How many a live run holds.
    public var refusedCount: Int
    /// The first of those, in order of addition.
    public var refused: [HeldAccount]
    /// Saved tests that have too few accounts now (C4); at most `Deletion.mostTests`.
    public var shortTests: [ShortTest] = []

    /// A result from its parts.
    public init(deleted: Int, refusedCount: Int, refused: [HeldAccount]) {
        self.deleted = deleted
        self.refusedCount = refusedCount
        self.refused = refused
    }
}

/// A saved test with too few accounts at one registrar.
public struct ShortTest: Hashable, Sendable {
    /// The test.
    public var test: TestID
    /// Its name.
    public var name: String
    /// The numbers.
    public var shortage: AccountShortage

    /// A short test from its parts.
    public init(test: TestID, name: String, shortage: AccountShortage) {
        self.test = test
        self.name = name
        self.shortage = shortage
    }
}
