// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What is kept of a secret that is only ever compared: its hash.
public enum Fingerprint {
    /// SHA-256, 32 bytes. Only for secrets with enough chance of their own, such as API keys; never for passwords.
    public static func sha256(of secret: UnsafeRawBufferPointer) -> [UInt8] {
        var hash = SHA256()
        hash.update(bufferPointer: secret)
        return Array(hash.finalize())
    }
}
