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

    @OptionGroup var options: EndpointOptions

    mutating func run() async throws {
        Logs.quiet()
        let target = try RegisterTarget(uri)
        let secrets = SecretArena()
        defer { secrets.wipeAll() }
        let plan = try await options.plan(for: target, secrets: secrets)
        let attempt = EndpointAttempt(
            title: target.user, plan: plan, security: options.security(for: target.place.host), secrets: secrets,
            json: options.json)
        let result = try await attempt.play(.register) { screen, result in screen.show(result.registration) }
        if result.registration.registeredAt != nil { return }
        throw CommandFailure(result.registration.firstResponseAt == nil ? .unreachable : .endpointsFailed)
    }
}
