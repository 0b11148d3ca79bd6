// SPDX-License-Identifier: Apache-2.0

import Domain
import Testing

@Suite struct AccountRulesTests {
    private func fault(username: String) -> AccountFault? {
        Array(username.utf8).withUnsafeBytes { AccountRules.fault(username: $0) }
    }

    private func fault(password: String) -> AccountFault? {
        Array(password.utf8).withUnsafeBytes { AccountRules.fault(password: $0) }
    }

    @Test func `A2 usernames as PBXs have them are accepted`() {
        for name in ["1001", "test-user-01", "sip.alice", "+4930123456", "o'neil", "a@b", "ü", "Bob"] {
            #expect(fault(username: name) == nil)
        }
    }

    @Test func `A2 a colon, whitespace, a control character and nothing at all are refused`() {
        #expect(fault(username: "") == .usernameEmpty)
        #expect(fault(username: "a:b") == .usernameColon)
        #expect(fault(username: "a b") == .usernameWhitespace)
        #expect(fault(username: "a\u{0}") == .usernameControl)
        #expect(fault(username: String(repeating: "é", count: 128)) == .usernameTooLong)
    }

    @Test func `A3 added singly a password may hold a colon and spaces`() {
        #expect(fault(password: "a:b c ") == nil)
        #expect(fault(password: "") == .passwordEmpty)
        #expect(fault(password: String(repeating: "p", count: 1_024)) == nil)
        #expect(fault(password: String(repeating: "p", count: 1_025)) == .passwordTooLong)
    }

    @Test func `A2 a realm may be a domain, an address or any words, up to 255 bytes`() {
        for realm in ["sip.example.com", "192.168.1.100", "My PBX (main)"] {
            #expect(AccountRules.fault(realm: realm) == nil)
        }
        #expect(AccountRules.fault(realm: "a\r\nb") == .realmNotAllowed)
        #expect(AccountRules.fault(realm: String(repeating: "r", count: 256)) == .realmTooLong)
    }

    @Test func `each role may what the ones below it may`() {
        #expect(Role.admin.allows(.editor) && Role.editor.allows(.tester) && Role.tester.allows(.viewer))
        #expect(!Role.viewer.allows(.tester) && !Role.tester.allows(.editor) && !Role.editor.allows(.admin))
    }
}
