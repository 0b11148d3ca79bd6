// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Domain
import Reports
import RunMetrics
import Runtime
import SIP
import UserAgent
import Worker

/// Looks at a registrar as a test would use it: its name, its certificates, whether it speaks SIP.
struct TargetChecks {
    /// A server that lives answers well within this.
    private static let patience = Interval.seconds(4)
    /// Days before a certificate's end that are worth a word.
    private static let certificateDays = 14

    let registrar: RegistrarDefinition

    private var place: String { "registrar \(registrar.name)" }

    /// All checks; those behind one that failed are not made.
    func all() async -> [Check] {
        let servers: [ServerTarget]
        do {
            let request = try ServerRequest(
                place: registrar.proxy ?? registrar.domain, port: registrar.port,
                transport: registrar.transport.rawValue, dns: registrar.dns)
            servers = try await ServerLocator().locate(request).all
        } catch {
            return [
                Check(
                    place, "DNS", .unreachable, "\(error)",
                    mend: "correct the domain, or name the DNS server with `dns` or the server with `proxy`")
            ]
        }
        var checks = [dns(servers)]
        for server in servers.prefix(4) {
            if server.transport.isSecured { checks.append(await certificate(of: server)) }
            checks.append(await answer(of: server))
        }
        // One of several that answers is enough for a test to run; the others are worth a word.
        if checks.contains(where: { $0.state == .good && $0.name.hasPrefix("SIP") }) {
            for index in checks.indices where checks[index].state == .unreachable { checks[index].state = .caution }
        }
        return checks
    }

    private func dns(_ servers: [ServerTarget]) -> Check {
        let names = servers.map { "\($0.address) over \($0.transport.title)" }
        return Check(
            place, "DNS", .good, "\(registrar.proxy ?? registrar.domain) is at \(names.joined(separator: ", "))")
    }

    private func certificate(of server: ServerTarget) async -> Check {
        let name = "certificate of \(server.address)"
        do {
            let chain = try await CertificateProbe.chain(at: server.address, name: registrar.security.serverName)
            guard let leaf = chain.first else { return Check(place, name, .bad, "the server showed none") }
            let words = chain.map { "\($0.subject), valid from \($0.from) until \($0.until)" }.joined(
                separator: "; issued by ")
            let least = chain.map(\.daysLeft).min() ?? 0
            guard least < Self.certificateDays else { return Check(place, name, .good, words) }
            return Check(
                place, name, least < 0 ? .bad : .caution, words + ": \(least < 0 ? "expired" : "\(least) days left")",
                mend: "renew the certificate of \(leaf.subject) on the server")
        } catch {
            return Check(
                place, name, .unreachable, "no TLS there: \(error)".printable,
                mend: "check port and transport: is it TLS that listens at \(server.address)?")
        }
    }

    /// A REGISTER without credentials, as each phone's first one is: whatever comes back shows that SIP is spoken there.
    private func answer(of server: ServerTarget) async -> Check {
        let name = "SIP at \(server.address) over \(server.transport.title)"
        let secrets = SecretArena()
        var plan = EndpointPlan(
            index: 0, group: "doctor", username: Array("callmeter".utf8), credential: nil,
            domain: Array(registrar.domain.utf8), registrar: server.address,
            localAddress: server.address.anyOfItsFamily, flow: FlowID(raw: 0))
        plan.use([server])
        let endpoint = SingleEndpoint(plan: plan, security: registrar.security, secrets: secrets)
        let result: EndpointResult
        do {
            result = try await endpoint.play(.register, patience: Self.patience)
        } catch {
            return Check(place, name, .unreachable, "\(error)".printable)
        }
        let seen = result.registration
        guard let status = seen.finalStatus, let sent = seen.sentAt, let first = seen.firstResponseAt else {
            let why =
                seen.transportDetail ?? seen.transportFault.map { "\($0.rawValue)" }
                ?? "nothing came back in \(Self.patience.seconds) s"
            let diagnosis = Diagnosis.explain([result], registrars: ["doctor": "\(server.address)"]).first
            return Check(place, name, .unreachable, why.printable, mend: diagnosis?.remedy)
        }
        let banner = seen.server.map { ", \($0.printable)" } ?? ""
        return Check(
            place, name, .good,
            "answered \(status.code) \(status.reason.printable) after \(NumberText.milliseconds((first - sent).milliseconds))\(banner)"
        )
    }
}
