// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension Diagnosis {
    /// Explains a run that could not get its accounts (D4): nothing was sent, so no endpoint has a failure of its own.
    public init(_ shortage: InsufficientAccounts) {
        self.init(
            cause: .insufficientAccounts, confidence: .certain, server: .other,
            title: "There are fewer free accounts than endpoints", count: 0,
            evidence: shortage.shortages.map(\.description),
            remedy: shortage.shortages.map { one in
                let most = one.usage.free
                let name = one.usage.registrarName.isEmpty ? one.usage.registrar.description : one.usage.registrarName
                return "Add \(one.missing) accounts to registrar \(name), or lower its endpoints to \(most)"
                    + (one.usage.holders.isEmpty
                        ? "." : ", or wait until the runs that hold \(one.usage.inUse) have ended.")
            }.joined(separator: " "),
            endpoints: [])
    }
}
