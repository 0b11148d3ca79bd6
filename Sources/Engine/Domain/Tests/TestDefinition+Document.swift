// SPDX-License-Identifier: Apache-2.0

extension TestDefinition {
    /// The test as a document that `read` turns into an equal test.
    public var document: DocumentNode {
        var entries: [(String, DocumentNode)] = [("name", .text(name))]
        if !registrars.isEmpty {
            entries.append(("registrars", .object(registrars.map { ($0.name, $0.document) })))
        }
        entries.append(("groups", .list(groups.map(\.document))))
        entries.append(("duration", .text(Units.text(duration))))
        entries.append(("pacing", pacing.document))
        if let timeouts = timeouts.document { entries.append(("timeouts", timeouts)) }
        if !thresholds.isEmpty { entries.append(("thresholds", .list(thresholds.map { .text($0.text) }))) }
        return .object(entries)
    }
}

extension RegistrarDefinition {
    var document: DocumentNode {
        var entries: [(String, DocumentNode)] = [("domain", .text(domain))]
        if let port { entries.append(("port", .text(String(port)))) }
        entries.append(("transport", .text(transport.rawValue)))
        if let proxy { entries.append(("proxy", .text(proxy))) }
        if let dns { entries.append(("dns", .text(dns))) }
        entries.append(("expires", .text(String(expires))))
        if digest != .topmost { entries.append(("digest", .text(digest.rawValue))) }
        if let tls { entries.append(("tls", tls.document)) }
        if let webSocketPath { entries.append(("webSocketPath", .text(webSocketPath))) }
        if outbound { entries.append(("outbound", .text("true"))) }
        if keepAlive != .automatic { entries.append(("keepAlive", .text(keepAlive.text))) }
        return .object(entries)
    }
}

extension RegistrarTLS {
    var document: DocumentNode {
        var entries: [(String, DocumentNode)] = []
        for (name, file) in [("ca", ca), ("cert", cert), ("key", key)] {
            if let file { entries.append((name, .text(file))) }
        }
        entries.append(("verify", .text(verify ? "true" : "false")))
        return .object(entries)
    }
}

extension GroupDefinition {
    var document: DocumentNode {
        var entries: [(String, DocumentNode)] = [
            ("name", .text(name)), ("registrar", .text(registrar)), ("endpoints", .text(String(endpoints))),
            ("callee", callee.document), ("audio", .object([("codecs", .list(codecs.map { .text($0) }))])),
            ("answer", .object([("after", .text(Units.text(answerAfter)))])), ("flow", .text(flow.rawValue)),
        ]
        if reliable != .off { entries.append(("reliable", .text(reliable.rawValue))) }
        if let sessionTimer {
            entries.append(
                (
                    "sessionTimer",
                    .object([
                        ("interval", .text(Units.text(sessionTimer.interval))),
                        ("refresher", .text(sessionTimer.refresher.rawValue)),
                    ])
                ))
        }
        if transfers != .refuse { entries.append(("transfers", .text(transfers.rawValue))) }
        if let displayName { entries.append(("displayName", .text(displayName))) }
        if let userAgent { entries.append(("userAgent", .text(userAgent))) }
        // A list, since a record's mappings have no order.
        if !headers.isEmpty { entries.append(("headers", .list(headers.map { .text($0.text) }))) }
        if let bind { entries.append(("bind", .text(bind))) }
        if let advertise { entries.append(("advertise", .text(advertise))) }
        if let rtpPorts { entries.append(("rtpPorts", .text(PortRange.text(rtpPorts)))) }
        return .object(entries)
    }
}

extension CalleeTarget {
    var document: DocumentNode {
        switch self {
        case .uri(let uri): .object([("uri", .text(uri))])
        case .group(let name): .object([("group", .text(name))])
        case .intra: .text("intra")
        case .receive: .text("receive")
        case .none: .text("none")
        }
    }
}
