// SPDX-License-Identifier: Apache-2.0

import API
import ArgumentParser
import Bedrock
import Domain
import RunMetrics
import Runtime
import SIP
import UserAgent
import Web

/// `callmeter register URI`: one registration, every step and the diagnosis.
struct RegisterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register", abstract: "Register once and show every step and the diagnosis.",
        discussion: """
            The URI is sip:user@host[:port][;transport=tcp]. The password is read from --password-file, or asked for on the \
            terminal; it is never an argument. Exit codes: 0 registered, 1 refused, 2 wrong usage, 4 no answer.
            """)

    @Argument(help: "Whom to register: sip:user@host[:port].")
    var uri: String

    @Option(help: "The digest user, where it is not the URI's.")
    var authUser: String?

    @Option(help: "Answer challenges of this realm only.")
    var realm: String?

    @Option(help: "udp or tcp.")
    var transport: String?

    @Option(help: ArgumentHelp("The password, first line of a file; '-' reads standard input.", valueName: "file"))
    var passwordFile: String?

    @Option(help: "Expiry to ask for, seconds.")
    var expires: UInt32 = 60

    @Flag(help: "JSON on standard output.")
    var json = false

    mutating func run() async throws {
        Logs.quiet()
        let target = try RegisterTarget(uri)
        let secrets = SecretArena()
        defer { secrets.wipeAll() }
        let password = try PasswordInput.read(
            passwordFile, prompt: "Password of \(authUser ?? target.user): ", into: secrets)
        let address = try await target.place.resolve(usualPort: 5060)
        var plan = EndpointPlan(
            index: 0, group: "register", username: Array((authUser ?? target.user).utf8),
            credential: .password(password),
            domain: Array(target.domain.utf8), registrar: address,
            localAddress: address.anyOfItsFamily, flow: FlowID(raw: 0))
        plan.addressUser = Array(target.user.utf8)
        plan.realm = realm.map { Array($0.utf8) }
        plan.transport = try BenchCommand.transport(transport ?? target.transport ?? "udp")
        plan.expires = expires
        let (steps, result) = try await Self.play(plan, secrets)
        let diagnoses = Diagnosis.explain([result], registrars: ["register": "\(address)"])
        if json {
            Output.line(
                try JSONOutput.text(
                    RegisterReport(
                        steps: steps, result: API.Endpoint(result, diagnosis: diagnoses.first?.cause.rawValue),
                        diagnoses: diagnoses)))
        } else {
            Self.show(steps, result, diagnoses, to: address)
        }
        if result.registration.registeredAt != nil { return }
        throw CommandFailure(result.registration.firstResponseAt == nil ? .unreachable : .endpointsFailed)
    }

    /// Registers, un-registers, and gives every message and what became of it.
    private static func play(
        _ plan: EndpointPlan, _ secrets: SecretArena
    ) async throws -> ([RegisterReport.Step], EndpointResult) {
        let start = SystemClock.now()
        let (notes, noted) = AsyncStream.makeStream(of: MessageNote.self)
        let (events, told) = AsyncStream.makeStream(of: AgentEvent.self)
        let engine = try await SignallingEngine(
            configuration: SignallingEngine.Configuration(startInstant: start), secrets: secrets,
            sink: SignallingSink(
                events: { for event in $0 { told.yield(event) } }, message: { noted.yield($0) }))
        var result: EndpointResult?
        do {
            try await engine.add([plan])
            engine.submit([.register(endpoint: 0, at: SystemClock.now())])
            for await event in events {
                switch event {
                case .registered, .registrationFailed: engine.submit([.finish(endpoint: 0)])
                case .closed(let closed): result = closed
                default: break
                }
                if result != nil { break }
            }
        } catch {
            await engine.shutdown()
            throw CommandFailure(.unreachable, "\(error)")
        }
        await engine.shutdown()
        noted.finish()
        var steps: [RegisterReport.Step] = []
        for await note in notes { steps.append(RegisterReport.Step(note, since: start)) }
        guard let result else { throw CommandFailure(.unreachable, "the registration ended without a result") }
        return (steps, result)
    }

    private static func show(
        _ steps: [RegisterReport.Step], _ result: EndpointResult, _ diagnoses: [Diagnosis], to address: TransportAddress
    ) {
        let terminal = Terminal.current()
        var table = Table(["ms", "", "", ""], right: [0])
        for step in steps {
            table.add([
                SummaryText.number(step.ms, 1), step.sent ? "→" : "←", step.message, step.notes.joined(separator: "; "),
            ])
        }
        Output.line("\(result.username) at \(address)\n")
        for line in table.lines(terminal) { Output.line(line) }
        Output.line()
        if let delay = result.registration.delay {
            let expiry = result.registration.grantedExpires.map { ", granted for \($0) s" } ?? ""
            Output.line(
                terminal.styled("REGISTERED", .green)
                    + " after \(SummaryText.milliseconds(delay.milliseconds))\(expiry)")
            let others = result.registration.otherBindings
            if others > 0 {
                Output.line(
                    "The account is registered from \(others) other \(others == 1 ? "place" : "places") as well; "
                        + "calls may go there.")
            }
            if result.registration.unregistered == false {
                Output.line("The un-REGISTER at the end was not confirmed.")
            }
        } else {
            Output.line(terminal.styled("NOT REGISTERED", .red))
        }
        for diagnosis in diagnoses {
            Output.line("\n" + terminal.styled(diagnosis.title, .red))
            for line in diagnosis.evidence.map({ "  seen    \($0)" }) + ["  do      \(diagnosis.remedy)"] {
                for part in terminal.wrapped(line, indent: 10) { Output.line(part) }
            }
        }
    }
}

/// What `register --json` prints.
struct RegisterReport: Encodable {
    /// One message.
    struct Step: Encodable {
        /// Milliseconds since the beginning.
        var ms: Double
        var sent: Bool
        var message: String
        var notes: [String]

        init(_ note: MessageNote, since start: Instant) {
            ms = (note.at - start).milliseconds
            sent = note.isSent
            message = note.title
            notes =
                note.challenges + (note.carriesCredentials ? ["with credentials"] : [])
                + (note.endsRegistration ? ["ends the registration"] : [])
        }
    }

    var steps: [Step]
    var result: API.Endpoint
    var diagnoses: [Diagnosis]
}
