// SPDX-License-Identifier: Apache-2.0

import ControlPlane
import Runtime
import SIP

extension DigestKeyHash {
    /// libcrypto's functions, in the form that endpoints use.
    static var libcrypto: DigestKeyHash {
        let hashes = HashFunctions.libcrypto
        return DigestKeyHash(length: HashFunctions.digestKeysLength) { hashes.writeDigestKeys(of: $0, into: $1) }
    }
}
