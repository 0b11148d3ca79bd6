// SPDX-License-Identifier: Apache-2.0

import CCrypto
public import SIP

extension HashFunctions {
    /// The hash functions of libcrypto; usable from any thread.
    public static var libcrypto: HashFunctions {
        HashFunctions { algorithm, input, output in
            precondition(output.count >= algorithm.digestLength)
            let worked = callmeter_digest(
                Int32(algorithm.rawValue), input.baseAddress, input.count, output.baseAddress)
            precondition(worked == 1, "libcrypto offers no MD5, SHA-256 or SHA-512/256")
        }
    }
}
