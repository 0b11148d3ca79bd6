// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ControlPlane

@Suite struct PublicTargetTests {
    @Test(arguments: [
        "127.0.0.1", "127.0.0.1:5070", "10.1.2.3", "172.16.0.1", "172.31.255.255:5060", "192.168.1.1", "100.64.0.1",
        "169.254.3.4", "[::1]:5060", "fd12:3456::1", "[fe80::1]:5060", "localhost", "pbx", "pbx:5060", "sip.lab.local",
        "PBX.Internal", "pbx.home.arpa", "sip:10.1.2.3:5070", "sip:pbx",
    ])
    func `H5 private ranges and private names need no confirmation`(target: String) {
        #expect(!PublicTarget.isPublic(target))
    }

    @Test(arguments: [
        "8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1:5060", "100.128.0.1", "[2a00:1450::1]:5060", "2a00:1450::1",
        "sip.provider.com", "sip.provider.com:5060", "local.provider.com",
        "sip:sip.provider.com", "SIPS:8.8.8.8:5061",
    ])
    func `H5 everything else does`(target: String) {
        #expect(PublicTarget.isPublic(target))
    }
}
