// SPDX-License-Identifier: Apache-2.0

/// A registrar (the SIP server under test) as the API shows it.
public struct Registrar: Codable, Sendable, Hashable {
    /// 26 characters.
    public var id: String
    /// The project it belongs to.
    public var projectId: String
    /// Unique within its project; tests name it.
    public var name: String
    /// Host part of the addresses-of-record, and where requests go unless there is a proxy.
    public var domain: String
    /// The port; the transport's own when absent.
    public var port: Int?
    /// `udp`, `tcp`, `tls`, `ws`, `wss` or `auto`.
    public var transport: String
    /// The outbound proxy, `host` or `host:port`.
    public var proxy: String?
    /// The DNS server asked for its name, an IP address with or without a port; the system's when absent.
    public var dns: String?
    /// Seconds asked for in REGISTER.
    public var expires: Int?
    /// Whether somebody confirmed that load may go to it although it is outside private address ranges (H5).
    public var confirmedPublic: Bool
    /// When it was made, RFC 3339 in UTC.
    public var createdAt: String

    /// A registrar from its parts.
    public init(
        id: String, projectId: String, name: String, domain: String, port: Int?, transport: String, proxy: String?,
        dns: String?, expires: Int?, confirmedPublic: Bool, createdAt: String
    ) {
        self.id = id
        self.projectId = projectId
        self.name = name
        self.domain = domain
        self.port = port
        self.transport = transport
        self.proxy = proxy
        self.dns = dns
        self.expires = expires
        self.confirmedPublic = confirmedPublic
        self.createdAt = createdAt
    }
}

/// Body of `POST /projects/{project}/registrars` and `PATCH /registrars/{registrar}`; what is absent in a PATCH stays.
public struct RegistrarRequest: Codable, Sendable, Hashable {
    /// The name; needed in a POST.
    public var name: String?
    /// The domain; needed in a POST.
    public var domain: String?
    /// 1…65535.
    public var port: Int?
    /// `udp` when absent.
    public var transport: String?
    /// The outbound proxy.
    public var proxy: String?
    /// The DNS server asked for its name, an IP address with or without a port; the system's when absent.
    public var dns: String?
    /// Seconds asked for in REGISTER.
    public var expires: Int?
    /// Confirms that load may go to a target outside private address ranges (H5).
    public var confirmedPublic: Bool?

    /// A request from its parts.
    public init(
        name: String?, domain: String?, port: Int? = nil, transport: String? = nil, proxy: String? = nil,
        dns: String? = nil, expires: Int? = nil, confirmedPublic: Bool? = nil
    ) {
        self.name = name
        self.domain = domain
        self.port = port
        self.transport = transport
        self.proxy = proxy
        self.dns = dns
        self.expires = expires
        self.confirmedPublic = confirmedPublic
    }
}
