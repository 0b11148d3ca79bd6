// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bedrock

/// Where traced messages go besides the run's own record.
struct HomerOptions: ParsableArguments {
    /// Where a Homer server listens usually.
    private static let usualPort: UInt16 = 9_060

    @Option(
        help: ArgumentHelp(
            "Send the SIP messages of the endpoints that failed and of some others to a Homer server (HEP3 over UDP), digest answers overwritten.",
            valueName: "host:port"))
    var hep: String?

    /// The server's address; nil where none was given. Throws a usage failure for what is none.
    func address() async throws -> TransportAddress? {
        guard let hep else { return nil }
        guard let place = HostPort(hep) else { throw CommandFailure.usage("--hep: '\(hep)' is no HOST:PORT") }
        return try await place.resolve(usualPort: Self.usualPort)
    }
}
