// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock
import Domain
import Media
import RunMetrics
import Runtime
import SIP
import UserAgent

/// `callmeter call FROM TO`: one call with audio, every step and the diagnosis.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Place one call with audio and show every step, the quality and the diagnosis.",
        discussion: """
            FROM is the account, sip:user@host[:port][;transport=tcp]; it registers first unless --no-register is given. TO is a \
            SIP URI, or a name or number at the same host. The password is read from --password-file, or asked for on the \
            terminal. Exit codes: 0 the call was up and ended as it should, 1 refused or cut short, 2 wrong usage, 4 no answer.
            """)

    @Argument(help: "The account that calls: sip:user@host[:port].")
    var from: String

    @Argument(help: "Whom to call: a SIP URI, or a name or number at the same host.")
    var to: String

    @Option(help: "How long to talk, seconds.")
    var duration = 5.0

    @Option(help: "How long to let it ring, seconds.")
    var ring = 30.0

    @Option(help: "pcma or pcmu.")
    var codec: String?

    @Flag(help: "Call without registering first.")
    var noRegister = false

    @OptionGroup var options: EndpointOptions

    mutating func validate() throws {
        guard (0...86_400).contains(duration), (1...600).contains(ring) else {
            throw ValidationError("--duration is 0 to 86400 seconds, --ring 1 to 600")
        }
    }

    mutating func run() async throws {
        Logs.quiet()
        let target = try RegisterTarget(from)
        let callee = Self.uri(of: to, at: target)
        guard !EmergencyNumbers.contains(uriUser: callee) else {
            throw CommandFailure.usage("'\(to)' is an emergency number; this program never calls one")
        }
        let secrets = SecretArena()
        defer { secrets.wipeAll() }
        var plan = try await options.plan(for: target, secrets: secrets)
        plan.registers = !noRegister
        plan.talkTime = .seconds(duration)
        plan.ringTimeout = .seconds(ring)
        if let codec { plan.codecs = [try Self.audioCodec(codec)] }
        let attempt = EndpointAttempt(
            title: "\(target.user) calls \(callee)", plan: plan, security: options.security(for: target.place.host),
            secrets: secrets, json: options.json)
        let result = try await attempt.play(.call(Array(callee.utf8))) { screen, result in
            screen.showCall(result, registers: plan.registers)
        }
        if result.outcome.severity < 10, result.calls.last?.establishedAt != nil { return }
        let isAnswered = result.registration.firstResponseAt != nil || result.calls.contains { $0.finalStatus != nil }
        throw CommandFailure(isAnswered ? .endpointsFailed : .unreachable)
    }

    /// A URI as it stands; anything else is a user at the caller's host.
    static func uri(of text: String, at target: RegisterTarget) -> String {
        if text.hasPrefix("sip:") || text.hasPrefix("sips:") { return text }
        if text.contains("@") { return "sip:" + text }
        return "sip:\(text)@\(target.domain)" + (target.place.port.map { ":\($0)" } ?? "")
    }

    private static func audioCodec(_ word: String) throws(CommandFailure) -> AudioCodec {
        switch word.lowercased() {
        case "pcma": .pcma
        case "pcmu": .pcmu
        default: throw .usage("the codec is pcma or pcmu")
        }
    }
}
