// SPDX-License-Identifier: Apache-2.0

import Bedrock

/// A SIP server whose configuration can be printed for generated accounts.
public enum ConfiguredServer: String, Hashable, Sendable, CaseIterable {
    /// `pjsip.conf`: endpoint, auth and aor of each account.
    case asterisk
    /// Users of the directory, as XML.
    case freeswitch
    /// Rows of the table `subscriber`, as SQL.
    case kamailio
}

/// How a configuration holds the passwords.
public enum ConfiguredSecrets: String, Hashable, Sendable, CaseIterable {
    /// As they are; for Kamailio beside the hashes.
    case plain
    /// HA1 = MD5(username:domain:password) only (RFC 2617 §3.2.2.2), which binds them to the domain.
    case hashed
}

/// Computes MD5 of the first buffer into the second, which has 16 bytes.
public typealias MD5Function = (UnsafeRawBufferPointer, UnsafeMutableRawBufferPointer) -> Void

/// The configuration of a SIP server for generated accounts.
public struct ServerConfiguration: Sendable {
    /// No account's text is longer: twelve names of at most 79 characters, three domains, the rest fixed.
    static let longestEntry = 4_096

    /// The server.
    public let server: ConfiguredServer
    /// The domain of the accounts, which is their realm too.
    public let domain: String
    /// What is written of the passwords.
    public let secrets: ConfiguredSecrets

    /// A configuration. Throws `domain` when that is none. Without `secrets` Kamailio gets hashes, the others passwords.
    public init(_ server: ConfiguredServer, domain: String, secrets: ConfiguredSecrets? = nil) throws(GeneratorFault) {
        let isHost = domain.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: ".:_[]-".utf8.contains(byte)
            }
        }
        guard isHost, (1...253).contains(domain.utf8.count) else { throw .domain }
        self.server = server
        self.domain = domain
        self.secrets = secrets ?? (server == .kamailio ? .hashed : .plain)
    }

    /// Writes the configuration piece by piece. The bytes lie in locked memory that is wiped after each piece.
    public func write<Failure: Error>(
        _ accounts: GeneratedAccounts, md5: @escaping MD5Function,
        to sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let memory = LockedMemory(minimumCount: Self.longestEntry * 2)
        // The pages live as long as this function; the upper half is for what is hashed.
        let pages = memory.withMutableBytes { $0 }
        let text = UnsafeMutableRawBufferPointer(rebasing: pages[..<Self.longestEntry])
        let scratch = UnsafeMutableRawBufferPointer(rebasing: pages[Self.longestEntry...])
        try piece(text, sink) { $0.append(head) }
        for place in 0..<accounts.count {
            let username = accounts.names.name(at: place)
            try piece(text, sink) { writer in
                accounts.withPassword(at: place) { password in
                    let entry = AccountEntry(
                        username: username, domain: domain, password: password, scratch: scratch, md5: md5)
                    switch server {
                    case .asterisk: asterisk(entry, &writer)
                    case .freeswitch: freeswitch(entry, &writer)
                    case .kamailio: kamailio(entry, &writer)
                    }
                }
            }
            LockedMemory.wipe(scratch)
        }
        try piece(text, sink) { $0.append(tail) }
    }

    private func piece<Failure: Error>(
        _ memory: UnsafeMutableRawBufferPointer, _ sink: (UnsafeRawBufferPointer) throws(Failure) -> Void,
        _ write: (inout LentWriter) -> Void
    ) throws(Failure) {
        var writer = LentWriter(memory)
        write(&writer)
        defer { LockedMemory.wipe(UnsafeMutableRawBufferPointer(rebasing: memory[..<writer.count])) }
        if writer.count > 0 { try sink(writer.written) }
    }
}

/// One account while its configuration is written.
struct AccountEntry {
    let username: String
    let domain: String
    let password: UnsafeRawBufferPointer
    /// Locked memory for what is hashed.
    let scratch: UnsafeMutableRawBufferPointer
    let md5: MD5Function

    /// Appends MD5(user:domain:password) in hexadecimal.
    func appendHA1(of user: String, to writer: inout LentWriter) {
        var input = LentWriter(UnsafeMutableRawBufferPointer(rebasing: scratch[16...]))
        input.append(user)
        input.append(":")
        input.append(domain)
        input.append(":")
        input.append(bytes: password)
        let digest = UnsafeMutableRawBufferPointer(rebasing: scratch[..<16])
        md5(input.written, digest)
        writer.append(hexadecimal: UnsafeRawBufferPointer(digest))
    }
}
