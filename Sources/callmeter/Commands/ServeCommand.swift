// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock
import ControlPlane
import Logging
import Runtime
import Web

/// `callmeter serve`: control plane, page, API and one embedded worker.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the server: control plane, page, API and one embedded worker.")

    @Option(help: ArgumentHelp("Where the data lies.", valueName: "dir"))
    var data = "./callmeter-data"

    @Option(help: ArgumentHelp("Address and port of page and API; port 0 takes a free one.", valueName: "host:port"))
    var listen = "127.0.0.1:8080"

    @Option(help: ArgumentHelp("The master key's file (default: master.key in the data folder).", valueName: "file"))
    var masterKeyFile: String?

    @Flag(help: "A proxy in front of this server ends TLS; needed to listen beyond loopback.")
    var behindTlsProxy = false

    @OptionGroup var homer: HomerOptions

    mutating func run() async throws {
        Logs.start(.notice)
        guard let place = HostPort(listen) else { throw CommandFailure.usage("'\(listen)' is no HOST:PORT") }
        guard place.isLoopback || behindTlsProxy else {
            throw CommandFailure.usage(
                "\(listen) is reached from other machines, and without TLS keys and passwords would cross the network in clear; "
                    + "listen on 127.0.0.1, or put a TLS proxy in front and say --behind-tls-proxy")
        }
        let folder = try DataFolder(data, .alone)
        let interrupts = Interrupts()
        let store = try folder.store()
        let plant = try await Plant.start(
            store: store, vault: try folder.vault(for: store, keyFile: masterKeyFile), keyFolder: folder.path,
            homer: try await homer.address())
        let server = PageServer(plane: plant.plane, secureCookies: behindTlsProxy)
        do {
            let hasKeys = try await !plant.plane.access.keys(by: .commandLine).isEmpty
            try await server.run(host: place.host, port: Int(place.port ?? 8080), until: interrupts.stream()) {
                [data] port, web in
                Self.greet(host: place.host, port: port, data: data, link: hasKeys ? nil : web.link())
            }
        } catch {
            await plant.shutdown()
            throw error
        }
        await plant.shutdown()
        _ = folder
    }

    private static func greet(host: String, port: Int, data: String, link: String?) {
        let shown = host.contains(":") ? "[\(host)]" : host
        Output.line("CallMeter on http://\(shown):\(port)  data in \(data)")
        if let link {
            Output.line("First start: open http://\(shown):\(port)/enter/\(link) within the hour; it works once.")
            Output.line("For programs: callmeter keys create --data \(data)")
        }
        Output.line("Ctrl-C ends it.")
    }
}
