// SPDX-License-Identifier: Apache-2.0

public import Bedrock

/// Holds registrars, tests, runs and API keys.
public struct Project: Hashable, Sendable {
    /// Its identifier.
    public var id: ProjectID
    /// Its name, unique in this installation.
    public var name: String
    /// When it was made.
    public var createdAt: UnixTime

    /// A project from its parts.
    public init(id: ProjectID, name: String, createdAt: UnixTime) {
        self.id = id
        self.name = name
        self.createdAt = createdAt
    }
}

/// How SIP reaches a registrar. The raw value is the word in files, API and database.
public enum RegistrarTransport: String, Hashable, Sendable, Codable, CaseIterable {
    case udp, tcp, tls, ws, wss
    /// By DNS, RFC 3263 §4.1.
    case auto
}

/// The SIP server under test.
public struct Registrar: Hashable, Sendable {
    /// The expiry asked for when none is set, in seconds; RFC 3261 §10.2.1.1 recommends an hour.
    public static let defaultExpires: UInt32 = 3600

    /// Its identifier.
    public var id: RegistrarID
    /// The project it belongs to.
    public var project: ProjectID
    /// Its name, unique within the project.
    public var name: String
    /// The SIP domain: host part of the address-of-record, and where requests go unless a proxy is set.
    public var domain: String
    /// The port; nil for the transport's own (5060, 5061, 80, 443), or for DNS to say.
    public var port: UInt16?
    /// How SIP reaches it.
    public var transport: RegistrarTransport
    /// Where all requests are sent first: a host, host:port or SIP URI; nil for the domain itself.
    public var outboundProxy: String?
    /// The DNS server that is asked for its name, `ADDRESS` or `ADDRESS:PORT`; nil for the system's.
    public var dns: String?
    /// The expiry asked for, in seconds.
    public var expires: UInt32
    /// Whether someone confirmed that load may go to it although it is outside private address ranges (H5).
    public var confirmedPublic: Bool
    /// When it was added.
    public var createdAt: UnixTime

    /// A registrar from its parts.
    public init(
        id: RegistrarID, project: ProjectID, name: String, domain: String, port: UInt16? = nil,
        transport: RegistrarTransport = .udp, outboundProxy: String? = nil, dns: String? = nil,
        expires: UInt32 = Registrar.defaultExpires, confirmedPublic: Bool = false, createdAt: UnixTime
    ) {
        self.id = id
        self.project = project
        self.name = name
        self.domain = domain
        self.port = port
        self.transport = transport
        self.outboundProxy = outboundProxy
        self.dns = dns
        self.expires = expires
        self.confirmedPublic = confirmedPublic
        self.createdAt = createdAt
    }
}
