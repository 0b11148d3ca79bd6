// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock
import Runtime
import SIP
import UserAgent

/// What `register` and `call` are told of the one account they play.
struct EndpointOptions: ParsableArguments {
    @Option(help: "The digest user, where it is not the URI's.")
    var authUser: String?

    @Option(help: "Answer challenges of this realm only.")
    var realm: String?

    @Option(
        help:
            "udp, tcp, tls, ws, wss, or auto: what the DNS says of the domain (RFC 3263), which a name without a port gets."
    )
    var transport: String?

    @OptionGroup var lookUp: LookUpOptions

    @Option(help: ArgumentHelp("The password, first line of a file; '-' reads standard input.", valueName: "file"))
    var passwordFile: String?

    @Option(help: "Expiry to ask for, seconds.")
    var expires: UInt32 = 60

    @Option(help: ArgumentHelp("Trust the authorities in this PEM file only.", valueName: "file"))
    var tlsCa: String?

    @Option(help: ArgumentHelp("The certificate to show the server, PEM.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("The key of that certificate, PEM.", valueName: "file"))
    var tlsKey: String?

    @Flag(help: "Do not check the server's certificate: whoever answers is believed.")
    var tlsNoVerify = false

    @Flag(help: "JSON on standard output.")
    var json = false

    mutating func validate() throws {
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key belong together")
        }
        guard !tlsNoVerify || tlsCa == nil else {
            throw ValidationError("--tls-ca says whom to trust and --tls-no-verify trusts anybody: give one of them")
        }
    }

    /// How TLS connections to `host` are secured.
    func security(for host: String) -> SecurityProfile {
        SecurityProfile(
            serverName: host, trust: tlsNoVerify ? .anybody : tlsCa.map { .authorities(file: $0) } ?? .system,
            certificateFile: tlsCert, keyFile: tlsKey)
    }

    /// The account as an endpoint of its registrar; the password goes from its file straight into `secrets`.
    func plan(for target: RegisterTarget, secrets: SecretArena) async throws -> EndpointPlan {
        let servers = try await lookUp.servers(
            host: target.place.host, port: target.place.port, transport: transport ?? target.transport)
        var random = SeededRandom(seed: .random(in: .min ... .max))
        let order = servers.order(random: &random)
        let password = try PasswordInput.read(
            passwordFile, prompt: "Password of \(authUser ?? target.user): ", into: secrets)
        var plan = EndpointPlan(
            index: 0, group: "register", username: Array((authUser ?? target.user).utf8),
            credential: .password(password), domain: Array(target.domain.utf8), registrar: order[0].address,
            localAddress: order[0].address.anyOfItsFamily, flow: FlowID(raw: 0))
        plan.use(order)
        plan.addressUser = Array(target.user.utf8)
        plan.realm = realm.map { Array($0.utf8) }
        plan.expires = expires
        return plan
    }
}

extension Transport {
    /// The transport that a word of the command line names.
    init(word: String) throws(CommandFailure) {
        switch word {
        case "udp": self = .udp
        case "tcp": self = .tcp
        case "tls": self = .tls
        case "ws": self = .ws
        case "wss": self = .wss
        default: throw .usage("the transport is udp, tcp, tls, ws or wss")
        }
    }

    /// The name that people know it by.
    var title: String {
        switch self {
        case .udp: "UDP"
        case .tcp: "TCP"
        case .tls: "TLS"
        case .ws: "WebSocket"
        case .wss: "secure WebSocket"
        case .other: "an unknown transport"
        }
    }
}
