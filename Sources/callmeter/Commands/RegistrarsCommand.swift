// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser

/// `callmeter registrars`.
struct RegistrarsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "registrars", abstract: "Add, list and delete registrars, the SIP servers under test.",
        subcommands: [Add.self, List.self, Delete.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add a registrar.")

        @OptionGroup var place: Place
        @Argument(help: "Its name; tests refer to it.") var name: String
        @Option(help: "Host name or IP address.") var domain: String
        @Option(help: "Its port, where it is not the transport's own.") var port: Int?
        @Option(help: "udp, tcp, tls, ws, wss or auto.") var transport = "udp"
        @Option(help: "Outbound proxy, host or host:port.") var proxy: String?
        @Option(help: ArgumentHelp("The DNS server to ask for its name.", valueName: "address:port")) var dns: String?
        @Option(help: "Registration expiry to ask for, seconds.") var expires: Int?
        @Option(help: "The project.") var project: String?
        @Flag(help: "Confirm that you may send load to it although it is outside private address ranges.")
        var confirmPublic = false

        mutating func run() async throws {
            let request = RegistrarRequest(
                name: name, domain: domain, port: port, transport: transport, proxy: proxy, dns: dns, expires: expires,
                confirmedPublic: confirmPublic)
            let made = try await place.with { workplace in
                try await workplace.addRegistrar(request, to: workplace.project(named: project).id)
            }
            try place.print(made) { ["registrar \($0.name) (\($0.id)), \($0.domain), \($0.transport)"] }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List registrars.")

        @OptionGroup var place: Place
        @Option(help: "The project.") var project: String?

        mutating func run() async throws {
            let registrars = try await place.with { workplace in
                try await workplace.registrars(of: workplace.project(named: project).id)
            }
            try place.print(registrars) { registrars in
                var table = Table(["name", "domain", "port", "transport", "id"], right: [2])
                for one in registrars {
                    table.add([one.name, one.domain, one.port.map(String.init) ?? "", one.transport, one.id])
                }
                return table.lines(.current())
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete a registrar with its accounts.")

        @OptionGroup var place: Place
        @OptionGroup var confirmation: Confirmation
        @Argument(help: "Its name or id.") var name: String
        @Option(help: "The project.") var project: String?

        mutating func run() async throws {
            try await place.with { workplace in
                let registrar = try await workplace.registrar(named: name, project: project)
                let before = try await workplace.deletion(ofRegistrar: registrar.id)
                try confirmation.ask("Delete registrar \(registrar.name)? \(before.text).")
                let deleted = try await workplace.deleteRegistrar(registrar.id)
                try place.print(deleted) { deleted in
                    ["deleted registrar \(registrar.name)"] + (deleted.deletion.map { [$0.text] } ?? [])
                }
            }
        }
    }
}
