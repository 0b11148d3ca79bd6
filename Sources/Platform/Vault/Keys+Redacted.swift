// SPDX-License-Identifier: Apache-2.0

public import Bedrock

extension MasterKey: Redacted {}
extension DataKey: Redacted {}
extension Vault: Redacted {}
