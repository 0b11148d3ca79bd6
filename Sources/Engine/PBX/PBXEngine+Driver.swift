// SPDX-License-Identifier: Apache-2.0

import SIP

extension PBXEngine {
    /// Lends the buffer that the ranges of all `transmissions` mean, so that a driver can send many with one system call.
    public func withOutgoing<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        layer.writer.withBytes(body)
    }
}
