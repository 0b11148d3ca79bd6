// SPDX-License-Identifier: Apache-2.0

import Bedrock

extension RegistrarDefinition {
    private static let keys = [
        "domain", "port", "transport", "proxy", "dns", "expires", "tls", "webSocketPath", "digest", "outbound",
        "keepAlive",
    ]

    /// Reads the registrars that a test describes, by name: as keys of a mapping they have no order of their own.
    static func readAll(_ node: DocumentNode?, _ reader: inout DocumentReader) -> [RegistrarDefinition] {
        guard let node else { return [] }
        guard case .mapping(let entries, _) = node else {
            reader.report(node, "registrars", "a mapping from name to registrar is expected")
            return []
        }
        var seen: Set<String> = []
        let registrars = entries.compactMap { entry -> RegistrarDefinition? in
            let path = "registrars.\(entry.key)"
            if !seen.insert(entry.key).inserted { reader.report(entry.position, path, "the registrar stands twice") }
            return read(entry, path, &reader)
        }
        return registrars.sorted { $0.name < $1.name }
    }

    private static func read(
        _ entry: DocumentNode.Entry, _ path: String, _ reader: inout DocumentReader
    ) -> RegistrarDefinition? {
        guard let values = reader.mapping(entry.value, path, keys: keys) else { return nil }
        guard let domain = reader.text(values["domain"], path + ".domain") else {
            if values["domain"] == nil { reader.report(entry.position, path, "the key 'domain' is missing") }
            return nil
        }
        guard domain.utf8.allSatisfy(isHostByte) else {
            reader.report(values["domain"] ?? entry.value, path + ".domain", "'\(domain)' is no host name or address")
            return nil
        }
        var registrar = RegistrarDefinition(
            name: entry.key, domain: domain,
            port: reader.number(values["port"], path + ".port", in: 1...65_535).map(UInt16.init),
            transport: reader.choice(values["transport"], path + ".transport") ?? .udp,
            proxy: reader.text(values["proxy"], path + ".proxy"), dns: readDNS(values["dns"], path + ".dns", &reader),
            expires: reader.number(values["expires"], path + ".expires", in: 1...longestExpires) ?? 300)
        registrar.digest = reader.choice(values["digest"], path + ".digest") ?? .topmost
        registrar.tls = RegistrarTLS.read(values["tls"], path + ".tls", &reader)
        registrar.webSocketPath = readPath(values["webSocketPath"], path + ".webSocketPath", &reader)
        registrar.outbound = reader.flag(values["outbound"], path + ".outbound") ?? false
        registrar.keepAlive = reader.keepAlive(values["keepAlive"], path + ".keepAlive")
        return registrar
    }

    private static func readDNS(_ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader) -> String? {
        guard let node, let text = reader.text(node, path) else { return nil }
        guard let address = TransportAddress(text, usualPort: 53), address.port > 0 else {
            reader.report(node, path, "the address of a DNS server is expected, like 192.0.2.53 or 127.0.0.1:5353")
            return nil
        }
        return text
    }

    private static func readPath(_ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader) -> String? {
        guard let node, let text = reader.text(node, path) else { return nil }
        guard text.hasPrefix("/"), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            reader.report(node, path, "a path like /ws is expected")
            return nil
        }
        return text
    }

    /// Letters, digits, `.`, `-`, `_`, and `:`, `[`, `]` of IPv6: what may stand in a URI's host without quoting.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5B, 0x5D, 0x5F: true
        default: false
        }
    }
}

extension RegistrarTLS {
    static func read(_ node: DocumentNode?, _ path: String, _ reader: inout DocumentReader) -> RegistrarTLS? {
        guard let node, let values = reader.mapping(node, path, keys: ["ca", "cert", "key", "verify"]) else {
            return nil
        }
        let tls = RegistrarTLS(
            ca: reader.text(values["ca"], path + ".ca"), cert: reader.text(values["cert"], path + ".cert"),
            key: reader.text(values["key"], path + ".key"),
            verify: reader.flag(values["verify"], path + ".verify") ?? true)
        if (values["cert"] == nil) != (values["key"] == nil) {
            reader.report(node, path, "'cert' and 'key' belong together: a certificate and its private key")
        }
        if !tls.verify, let ca = values["ca"] {
            reader.report(
                ca, path + ".ca", "'ca' says whom to trust and 'verify: false' trusts anybody: give one of them")
        }
        return tls
    }
}
