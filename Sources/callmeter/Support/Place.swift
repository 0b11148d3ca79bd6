// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `--server URL` or `--data DIR`, and `--json`, for the commands that work on kept things.
struct Place: ParsableArguments {
    @Option(help: ArgumentHelp("Work on a server; its key is read from CALLMETER_API_KEY.", valueName: "url"))
    var server: String?

    @Option(help: ArgumentHelp("Work on a local data folder (default: ./callmeter-data).", valueName: "dir"))
    var data: String?

    @Option(help: ArgumentHelp("The data folder's master key (default: master.key in it).", valueName: "file"))
    var masterKeyFile: String?

    @Flag(help: "JSON on standard output.")
    var json = false

    func validate() throws {
        guard server == nil || data == nil else { throw ValidationError("give --server or --data, not both") }
        guard server == nil || masterKeyFile == nil else {
            throw ValidationError("--master-key-file goes with --data; a server has its own")
        }
    }

    /// The data folder where no server is named.
    var folder: String { data ?? "./callmeter-data" }

    /// Opens the workplace; whoever opens closes.
    func open() throws -> any Workplace {
        if let server { return try RemoteWorkplace(url: server) }
        return try LocalWorkplace(path: folder, keyFile: masterKeyFile)
    }

    /// Opens the workplace, lends it, closes it.
    func with<Result>(_ body: (any Workplace) async throws -> Result) async throws -> Result {
        Logs.quiet()
        let workplace = try open()
        let result: Result
        do {
            result = try await body(workplace)
        } catch {
            try? await workplace.close()
            throw error
        }
        try await workplace.close()
        return result
    }

    /// Prints a value as JSON, or the lines made of it.
    func print<Value: Encodable>(_ value: Value, _ lines: (Value) -> [String]) throws {
        if json { return Output.line(try JSONOutput.text(value)) }
        for line in lines(value) { Output.line(line) }
    }
}
