// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock
import Runtime
import SIP
import UserAgent

/// `callmeter bench`: drives one path of the engine as fast as the other side answers, and prints one JSON line.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure one path of the engine; prints one JSON line.",
        subcommands: [Register.self, Call.self, Media.self, Accounts.self])

    struct Register: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Digest registrations.")

        @Option(help: ArgumentHelp("The server.", valueName: "host:port")) var target: String
        @Option(help: ArgumentHelp("username:password lines.", valueName: "file")) var accounts: String
        @Option(help: "Registrations in all.") var count: Int
        @Option(help: "Registrations in flight.") var window = 64
        @Option(help: "udp or tcp; auto leaves it to the DNS.") var transport = "udp"
        @OptionGroup var lookUp: LookUpOptions
        @Option(help: "The domain, where it is not the target's address.") var domain: String?
        @Option(help: "shared (one UDP socket) or endpoint (one each).") var flow = "shared"
        @Option(help: "The lifetime asked for, in seconds.") var expires = 3600
        @Option(help: "Seconds to hold them all; then memory for each and idle CPU are told.") var hold: Int?

        func validate() throws { if transport != "auto" { _ = try BenchCommand.transport(transport) } }

        mutating func run() async throws {
            Logs.quiet()
            let secrets = SecretArena()
            defer { secrets.wipeAll() }
            guard let place = HostPort(target) else { throw CommandFailure.usage("'\(target)' is no HOST:PORT") }
            let servers = try await lookUp.servers(host: place.host, port: place.port, transport: transport)
            try BenchCommand.check(servers.all.map(\.transport), of: place.host)
            var bench = RegisterBench(servers: servers, count: try BenchCommand.positive(count, "--count"))
            bench.window = try BenchCommand.positive(window, "--window")
            bench.domain = domain.map { Array($0.utf8) }
            bench.flow = try BenchCommand.flow(flow)
            bench.expires = UInt32(clamping: try BenchCommand.positive(expires, "--expires"))
            let path = accounts
            guard let hold else {
                let known = try BenchCommand.read(path, into: secrets)
                let result = try await bench.run(accounts: known, secrets: secrets)
                return try BenchCommand.report(result, failures: result.failures, of: result.operations)
            }
            let duration = Interval.seconds(try BenchCommand.positive(hold, "--hold"))
            let result = try await HoldBench(bench, duration: duration).run(
                accounts: { try BenchCommand.read(path, into: secrets) }, secrets: secrets)
            try BenchCommand.report(result, failures: result.failures, of: result.endpoints)
        }
    }

    struct Call: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Calls without audio: INVITE, answer, ACK, BYE.")

        @Option(help: ArgumentHelp("The server.", valueName: "host:port")) var target: String
        @Option(help: "Calls in all.") var count: Int
        @Option(help: "Calls begun per second at most.") var rate: Double?
        @Option(help: "Calls in flight.") var window = 64
        @Option(help: ArgumentHelp("Callers' username:password lines.", valueName: "file")) var accounts: String?
        @Option(help: "The URI called (default: sip:service@TARGET).") var uri: String?
        @Option(help: "udp or tcp.") var transport = "udp"
        @Option(help: "shared (one UDP socket) or endpoint (one each).") var flow = "shared"

        func validate() throws { _ = try BenchCommand.transport(transport) }

        mutating func run() async throws {
            Logs.quiet()
            let (secrets, known) = try BenchCommand.read(accounts)
            defer { secrets.wipeAll() }
            if let rate, rate <= 0 { throw CommandFailure.usage("--rate must be above 0") }
            var bench = CallBench(
                target: try await BenchCommand.resolve(target), count: try BenchCommand.positive(count, "--count"))
            bench.window = try BenchCommand.positive(window, "--window")
            bench.transport = try BenchCommand.transport(transport)
            bench.rate = rate
            bench.flow = try BenchCommand.flow(flow)
            if let uri { bench.uri = Array(uri.utf8) }
            let result = try await bench.run(accounts: known, secrets: secrets)
            try BenchCommand.report(result, failures: result.failures, of: result.operations)
        }
    }

    struct Media: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "G.711 streams of 20 ms, each with sockets of its own: calls to a SIP URI, or straight to an address.",
            discussion: "sip:echo@HOST:PORT of a pbx sends the audio back.")

        @Option(help: ArgumentHelp("sip:user@host:port, or rtp://host:port.", valueName: "uri")) var target: String
        @Option(help: "Streams at once.") var streams: Int
        @Option(help: "How long they send.") var seconds: Int
        @Option(help: ArgumentHelp("Callers' username:password lines.", valueName: "file")) var accounts: String?
        @Option(help: "Media threads.") var threads = 1
        @Option(help: "udp or tcp, for the calls.") var transport = "udp"

        func validate() throws { _ = try BenchCommand.transport(transport) }

        mutating func run() async throws {
            Logs.quiet()
            do {
                let result = try await measure()
                try BenchCommand.report(result, failures: result.streamsFailed, of: result.streams)
            } catch let error as MediaError {
                throw CommandFailure.usage("\(error)")
            }
        }

        private func measure() async throws -> MediaBenchResult {
            let streams = try BenchCommand.positive(streams, "--streams")
            let duration = Interval.seconds(try BenchCommand.positive(seconds, "--seconds"))
            let threads = try BenchCommand.positive(threads, "--threads")
            if target.hasPrefix("rtp://") {
                guard let place = HostPort(String(target.dropFirst(6))), let port = place.port else {
                    throw CommandFailure.usage("'\(target)' is no rtp://HOST:PORT")
                }
                var bench = MediaBench(
                    target: try await place.resolve(usualPort: port), streams: streams, duration: duration)
                bench.threads = threads
                return try await bench.run()
            }
            guard target.hasPrefix("sip:"), let at = target.lastIndex(of: "@") else {
                throw CommandFailure.usage("'\(target)' is neither sip:USER@HOST:PORT nor rtp://HOST:PORT")
            }
            let (secrets, known) = try BenchCommand.read(accounts)
            defer { secrets.wipeAll() }
            var bench = MediaCallBench(
                target: try await BenchCommand.resolve(String(target[target.index(after: at)...])),
                uri: Array(target.utf8), streams: streams, duration: duration)
            bench.threads = threads
            bench.transport = try BenchCommand.transport(transport)
            return try await bench.run(accounts: known, secrets: secrets)
        }
    }

    /// Prints the result; a figure of operations that failed must not pass for a measurement.
    static func report(_ result: some Encodable, failures: Int, of operations: Int) throws {
        Output.line(try JSONOutput.text(result, pretty: false))
        guard failures > 0 else { return }
        throw CommandFailure(.endpointsFailed, "\(failures) of \(operations) failed")
    }

    static func read(_ path: String?) throws(CommandFailure) -> (SecretArena, BenchAccounts?) {
        let secrets = SecretArena()
        guard let path else { return (secrets, nil) }
        return (secrets, try read(path, into: secrets))
    }

    static func read(_ path: String, into secrets: SecretArena) throws(CommandFailure) -> BenchAccounts {
        do {
            return try BenchAccounts(path: path, into: secrets)
        } catch {
            throw .usage(error.description)
        }
    }

    static func flow(_ word: String) throws(CommandFailure) -> FlowMode {
        switch word {
        case "shared": .shared
        case "endpoint": .perEndpoint
        default: throw .usage("the flow is shared or endpoint")
        }
    }

    static func resolve(_ text: String) async throws -> TransportAddress {
        guard let place = HostPort(text) else { throw CommandFailure.usage("'\(text)' is no HOST:PORT") }
        return try await place.resolve(usualPort: 5060)
    }

    static func positive(_ value: Int, _ name: String) throws(CommandFailure) -> Int {
        guard value > 0 else { throw .usage("\(name) must be above 0") }
        return value
    }

    /// Benchmarks know no certificates, so they drive what needs none.
    static func transport(_ word: String) throws(ValidationError) -> Transport {
        switch word {
        case "udp": .udp
        case "tcp": .tcp
        default: throw ValidationError("bench drives udp or tcp, not '\(word)'")
        }
    }

    /// Refuses servers that the DNS leads to by a transport that benchmarks do not drive.
    static func check(_ transports: [Transport], of host: String) throws(CommandFailure) {
        guard let other = transports.first(where: { $0 != .udp && $0 != .tcp }) else { return }
        throw .usage(
            "bench drives udp or tcp, and the DNS says that \(host) is reached over \(other.title): give --transport udp or tcp"
        )
    }
}
