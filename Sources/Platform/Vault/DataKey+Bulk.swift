// SPDX-License-Identifier: Apache-2.0

public import Bedrock
import Crypto
public import Domain
import FoundationEssentials
import Glibc

extension DataKey {
    /// Seals many passwords one after the other: swift-crypto's key is made once for all of them and gone when `body`
    /// returns. What comes out is what `seal` gives.
    public func sealMany<Result, Failure: Error>(
        _ body: (inout BulkSealer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withKey { (key) throws(Failure) in
            var sealer = BulkSealer(self, key, scratch.take())
            defer { scratch.giveBack(sealer.page, used: sealer.page.memory.count) }
            return try body(&sealer)
        }
    }
}

/// A data key at work on a list. Lent by `sealMany`, and must not leave its closure.
public struct BulkSealer: ~Copyable {
    /// As many as the system gives bytes for at once (256).
    private static let noncesAtOnce = 21

    private let key: SymmetricKey
    fileprivate let page: ScratchPages.Page
    /// Version and key, with which every sealed form begins.
    private let head: [UInt8]
    /// What a password is bound to; the account's bytes in it are replaced for each.
    private var label: [UInt8]
    private let account: Int
    private var nonces = [UInt8](repeating: 0, count: noncesAtOnce * SealedSecret.nonceLength)
    private var nextNonce = noncesAtOnce * SealedSecret.nonceLength

    fileprivate init(_ owner: DataKey, _ key: SymmetricKey, _ page: ScratchPages.Page) {
        self.key = key
        self.page = page
        head = [SealedSecret.version] + owner.id.bytes
        let none = AccountID(high: 0, low: 0)
        label = Label.password(of: none, registrar: owner.registrar, under: owner.id)
        account = label.count - KeyID.byteCount - AccountID.byteCount
    }

    /// Appends a password's sealed form. The caller's bytes are left as they are.
    public mutating func seal(
        _ password: UnsafeRawBufferPointer, for account: AccountID, appendingTo bytes: inout [UInt8]
    ) throws(VaultError) {
        guard (1...AccountRules.longestPassword).contains(password.count) else { throw .wrongLength(password.count) }
        let length = DataKey.paddedLength(password.count)
        bind(to: account)
        do {
            let nonce = try nonce()
            let (key, label) = (key, label)
            let box = try page.memory.withMutableBytes { page in
                defer { LockedMemory.wipe(UnsafeMutableRawBufferPointer(rebasing: page[..<length])) }
                DataKey.pad(password, into: page)
                return try AES.GCM.seal(
                    UnsafeRawBufferPointer(rebasing: page[..<length]), using: key, nonce: nonce, authenticating: label)
            }
            guard let combined = box.combined else { throw VaultError.encryptionFailed }
            bytes.append(contentsOf: head)
            // Nonce, ciphertext and tag: the order of the stored form.
            combined.withUnsafeBytes { bytes.append(contentsOf: $0) }
        } catch {
            throw .encryptionFailed
        }
    }

    private mutating func bind(to id: AccountID) {
        for byte in 0..<8 {
            label[account + byte] = UInt8(truncatingIfNeeded: id.high >> UInt64(56 - 8 * byte))
            label[account + 8 + byte] = UInt8(truncatingIfNeeded: id.low >> UInt64(56 - 8 * byte))
        }
    }

    /// A nonce of 96 bits from the system, of which many are asked for at once.
    private mutating func nonce() throws -> AES.GCM.Nonce {
        if nextNonce == nonces.count {
            let code = nonces.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
            precondition(code == 0, "the system gives no random bytes")
            nextNonce = 0
        }
        defer { nextNonce += SealedSecret.nonceLength }
        return try AES.GCM.Nonce(data: nonces[nextNonce..<nextNonce + SealedSecret.nonceLength])
    }
}
