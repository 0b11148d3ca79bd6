// SPDX-License-Identifier: Apache-2.0
//
// The dependency rule as data. docs/ARCHITECTURE.md draws the same table, and a test compares the two.

/// Who may import whom: for each room the modules of this package and of others.
struct ImportTable {
    struct Room {
        let name: String
        /// Where its files are, relative to the root.
        let folder: String
        let own: Set<String>
        let external: Set<String>
        /// Modules of the system that every file of the room may use.
        let system: Set<String>
    }

    let rooms: [Room]

    /// Pairs of rooms of which neither may import the other, whatever the table says.
    static let forbiddenPairs = [("Store", "Vault"), ("Web", "Store"), ("Worker", "ControlPlane")]

    /// A module that one file of a room may import and no other file of it.
    static let oneFile = ["Sources/Engine/Bedrock/LockedMemory.swift": "Glibc"]

    static let engineNames = [
        "Bedrock", "SIP", "Media", "RunMetrics", "Domain", "Reports", "UserAgent", "PBX", "Simulation",
    ]
    static let platformNames = ["Runtime", "WorkerLink", "Worker", "Vault", "Store", "ControlPlane", "API", "Web"]

    static let platformSystem: Set<String> = [
        "FoundationEssentials", "Foundation", "Glibc", "Synchronization", "Dispatch",
    ]

    private static func engine(_ name: String, _ own: Set<String>, system: Set<String> = []) -> Room {
        Room(name: name, folder: "Sources/Engine/\(name)", own: own, external: [], system: system)
    }

    private static func platform(_ name: String, _ own: Set<String>, _ external: Set<String>) -> Room {
        Room(
            name: name, folder: "Sources/Platform/\(name)", own: own, external: external, system: platformSystem)
    }

    /// The law of this package.
    static let law = ImportTable(rooms: [
        engine("Bedrock", [], system: ["Synchronization"]),
        engine("SIP", ["Bedrock"]),
        engine("Media", ["Bedrock"]),
        engine("RunMetrics", ["Bedrock"]),
        engine("Domain", ["Bedrock", "RunMetrics"]),
        engine("Reports", ["Bedrock", "SIP", "RunMetrics", "Domain"]),
        engine("UserAgent", ["Bedrock", "SIP", "Media", "RunMetrics"]),
        engine("PBX", ["Bedrock", "SIP", "Media"]),
        engine("Simulation", ["Bedrock", "SIP", "Media", "RunMetrics", "Domain", "UserAgent", "PBX"]),
        platform(
            "Runtime", ["Bedrock", "SIP", "Media", "RunMetrics", "UserAgent", "PBX", "CNet", "CCrypto", "CCares"],
            ["NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL", "NIOTLS", "NIOWebSocket", "SwiftASN1", "X509", "Logging"]),
        platform(
            "WorkerLink", ["Bedrock", "RunMetrics", "Domain"],
            ["NIOCore", "NIOPosix", "NIOSSL", "Crypto", "Logging"]),
        platform(
            "Worker", ["Bedrock", "RunMetrics", "Domain", "UserAgent", "Runtime", "WorkerLink"],
            ["ServiceLifecycle", "Logging"]),
        platform("Vault", ["Bedrock", "Domain"], ["Crypto", "Logging"]),
        platform("Store", ["Bedrock", "RunMetrics", "Domain"], ["GRDB", "GRDBSQLite", "Logging"]),
        platform(
            "ControlPlane", ["Bedrock", "RunMetrics", "Domain", "Reports", "Store", "Vault", "WorkerLink"],
            ["ServiceLifecycle", "Logging", "Metrics"]),
        platform("API", [], []),
        platform(
            "Web", ["Bedrock", "RunMetrics", "Domain", "Reports", "ControlPlane", "API"],
            ["Hummingbird", "HummingbirdCore", "HTTPTypes", "NIOCore", "NIOHTTPTypes", "Mustache", "Logging"]),
        Room(
            name: "callmeter", folder: "Sources/callmeter",
            own: Set(engineNames + platformNames),
            external: [
                "ArgumentParser", "Yams", "ServiceLifecycle", "AsyncHTTPClient", "NIOCore", "NIOHTTP1", "Logging",
            ], system: platformSystem),
        Room(
            name: "simulate", folder: "Sources/Tools/simulate", own: Set(engineNames + ["CCrypto"]), external: [],
            system: platformSystem),
        Room(
            name: "parse-bench", folder: "Sources/Tools/parse-bench", own: ["Bedrock", "SIP", "Media"], external: [],
            system: platformSystem),
        Room(
            name: "fuzz targets", folder: "Fuzz",
            own: ["Bedrock", "SIP", "Media", "RunMetrics", "Domain", "Reports", "CCrypto"], external: [],
            system: platformSystem),
        Room(
            name: "engine tests", folder: "Tests/Engine", own: Set(engineNames + ["CCrypto", "TortureMessages"]),
            external: ["Testing"],
            system: platformSystem),
        Room(
            name: "simulation tests", folder: "Tests/Simulation", own: Set(engineNames + ["CCrypto"]),
            external: ["Testing"], system: platformSystem),
        Room(name: "tidy", folder: "Tests/Tidy", own: [], external: ["Testing"], system: platformSystem),
    ])

    func room(of path: String) -> Room? {
        rooms.first { path.hasPrefix($0.folder + "/") }
    }

    /// All rooms that `name` reaches over its own imports.
    func closure(of name: String) -> Set<String> {
        var seen: Set<String> = []
        var open = [name]
        while let next = open.popLast() {
            for other in rooms.first(where: { $0.name == next })?.own ?? [] where seen.insert(other).inserted {
                open.append(other)
            }
        }
        return seen
    }
}
