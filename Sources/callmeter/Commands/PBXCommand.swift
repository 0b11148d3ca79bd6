// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock
import PBX
import Runtime
import SIP

/// `callmeter pbx`: the built-in SIP server.
struct PBXCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pbx",
        abstract: "Run the built-in SIP server: registrar with digest, proxy, answering extensions, faults.",
        discussion: "It listens on UDP and TCP, and on what else is asked for. Call sip:echo@HOST to hear yourself.")

    @Option(help: ArgumentHelp("Address and port; port 0 takes a free one.", valueName: "host:port"))
    var listen = "127.0.0.1:5060"

    @Option(help: ArgumentHelp("Listen for TLS too; needs --tls-cert and --tls-key.", valueName: "host:port"))
    var tlsListen: String?

    @Option(help: ArgumentHelp("Listen for SIP over WebSocket too.", valueName: "host:port"))
    var wsListen: String?

    @Option(help: ArgumentHelp("Listen for secure WebSockets too; needs a certificate.", valueName: "host:port"))
    var wssListen: String?

    @Option(help: ArgumentHelp("The certificate to show, PEM.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("The key of that certificate, PEM.", valueName: "file"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("Let in only clients with a certificate of these authorities, PEM.", valueName: "file"))
    var tlsClientCa: String?

    @Option(help: ArgumentHelp("A file of username:password lines.", valueName: "file"))
    var accounts: String?

    @Option(
        help: ArgumentHelp(
            "A fault to play, for all accounts or for NAME=user1,user2 or NAME=5%, with a value NAME=VALUE@user1 or @5%; "
                + "'list' names them.",
            valueName: "name[=value]"))
    var fault: [String] = []

    @Option(
        help: ArgumentHelp(
            "Whose challenges and name it takes on: callmeter, asterisk, freeswitch or kamailio.", valueName: "name"))
    var profile = "callmeter"

    mutating func validate() throws {
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key belong together")
        }
        guard tlsCert != nil || (tlsListen == nil && wssListen == nil) else {
            throw ValidationError("--tls-listen and --wss-listen need --tls-cert and --tls-key")
        }
    }

    mutating func run() async throws {
        Logs.quiet()
        if fault.contains("list") {
            for kind in PBXFault.Kind.allCases { Output.line(Self.line(of: kind)) }
            return
        }
        guard let place = HostPort(listen) else { throw CommandFailure.usage("'\(listen)' is no HOST:PORT") }
        var configuration = PBXConfiguration()
        guard let profile = PBXProfile(rawValue: profile) else {
            let names = PBXProfile.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandFailure.usage("there is no profile '\(self.profile)'; profiles are \(names)")
        }
        configuration.profile = profile
        configuration.faults = try fault.map(Self.fault)
        let secrets = SecretArena()
        var known: [PBXAccount] = []
        if let accounts {
            do {
                known = try BenchAccounts(path: accounts, into: secrets).accounts.map {
                    PBXAccount(username: $0.username, credential: .password($0.password))
                }
            } catch {
                throw CommandFailure.usage(error.description)
            }
        }
        let interrupts = Interrupts()
        let server: PBXServer
        do {
            server = try await PBXServer(
                configuration: configuration, accounts: known, secrets: secrets,
                listen: try await place.resolve(usualPort: 5060), further: try await further(), security: security)
        } catch let failure as CommandFailure {
            throw failure
        } catch let problem as SecurityProblem {
            throw CommandFailure.usage(problem.description)
        } catch {
            throw CommandFailure.usage("\(listen) cannot be listened on: \(error)")
        }
        Output.line("SIP server on \(server.address) (UDP and TCP), \(known.count) accounts, realm callmeter")
        for one in server.listeners { Output.line("  \(one.transport.viaName) on \(one.address)") }
        for text in fault { Output.line("  fault \(text)") }
        Output.line("Ctrl-C ends it.")
        for await _ in interrupts.stream() { break }
        await server.shutdown()
        secrets.wipeAll()
    }

    private var security: ServerSecurity? {
        guard let tlsCert, let tlsKey else { return nil }
        return ServerSecurity(certificateFile: tlsCert, keyFile: tlsKey, clientAuthoritiesFile: tlsClientCa)
    }

    private func further() async throws -> [PBXListener] {
        var listeners: [PBXListener] = []
        for (transport, text) in [(Transport.tls, tlsListen), (.ws, wsListen), (.wss, wssListen)] {
            guard let text else { continue }
            guard let place = HostPort(text) else { throw CommandFailure.usage("'\(text)' is no HOST:PORT") }
            listeners.append(PBXListener(transport, try await place.resolve(usualPort: transport.defaultPort)))
        }
        return listeners
    }

    static func fault(_ text: String) throws(CommandFailure) -> PBXFault {
        do {
            return try PBXFault(text)
        } catch {
            throw .usage(error.description)
        }
    }

    static func line(of kind: PBXFault.Kind) -> String {
        kind.usage + String(repeating: " ", count: max(1, 26 - kind.usage.count)) + kind.explanation
    }
}
