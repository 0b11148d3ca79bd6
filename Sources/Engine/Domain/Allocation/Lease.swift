// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// One account lent to one endpoint of one run.
public struct LeaseRecord: Hashable, Sendable {
    /// The run that holds it.
    public var run: RunID
    /// The endpoint's place in the run, from 0.
    public var endpoint: UInt32
    /// Rises with every allocation; what carries a lower number than the newest of its run is out of date.
    public var fence: Int64
    /// The account.
    public var account: AccountID
    /// The account's registrar.
    public var registrar: RegistrarID
    /// The digest user.
    public var username: String
    /// The fixed realm, if any.
    public var realm: String?
    /// The user part of the address-of-record where it differs from the username.
    public var extensionNumber: String?
    /// The password, still sealed.
    public var secret: SealedSecret
    /// A binding an earlier run left at the server, to be removed first (D5).
    public var leftover: LeftoverContact?

    /// A lease from its parts.
    public init(
        run: RunID, endpoint: UInt32, fence: Int64, account: AccountID, registrar: RegistrarID, username: String,
        realm: String?, extensionNumber: String?, secret: SealedSecret, leftover: LeftoverContact?
    ) {
        self.run = run
        self.endpoint = endpoint
        self.fence = fence
        self.account = account
        self.registrar = registrar
        self.username = username
        self.realm = realm
        self.extensionNumber = extensionNumber
        self.secret = secret
        self.leftover = leftover
    }
}
