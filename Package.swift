// swift-tools-version: 6.1
// SPDX-License-Identifier: Apache-2.0
//
// One package. ENGINE_ONLY=1 leaves out the platform half and every external package, so that the inner loop
// (engine tests and simulation) builds cold in seconds. docs/ARCHITECTURE.md explains the rooms.

import PackageDescription

let engineOnly = Context.environment["ENGINE_ONLY"] == "1"

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func engine(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Engine/\(name)", swiftSettings: settings)
}

func platform(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Platform/\(name)", swiftSettings: settings)
}

func engineTests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/Engine/\(name)Tests", swiftSettings: settings)
}

func platformTests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/Platform/\(name)Tests", swiftSettings: settings)
}

var packages: [Package.Dependency] = []

var targets: [Target] = [
    // libcrypto's hash functions for digest authentication; never imported under Sources/Engine.
    .systemLibrary(name: "CCrypto", path: "Sources/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

    engine("Bedrock"),
    engine("SIP", ["Bedrock"]),
    engine("Media", ["Bedrock"]),
    engine("RunMetrics", ["Bedrock"]),
    engine("Domain", ["Bedrock", "RunMetrics"]),
    engine("Reports", ["Bedrock", "SIP", "RunMetrics", "Domain"]),
    engine("UserAgent", ["Bedrock", "SIP", "Media", "RunMetrics"]),
    engine("PBX", ["Bedrock", "SIP", "Media"]),
    engine("Simulation", ["Bedrock", "SIP", "Media", "RunMetrics", "Domain", "UserAgent", "PBX"]),

    .executableTarget(
        name: "simulate", dependencies: ["Bedrock", "SIP", "Simulation", "CCrypto"], path: "Sources/Tools/simulate",
        swiftSettings: settings),

    .executableTarget(
        name: "parse-bench", dependencies: ["Bedrock", "SIP", "Media"], path: "Sources/Tools/parse-bench",
        swiftSettings: settings),

    // The messages of RFC 4475 and RFC 5118; tests of several layers read them.
    .target(name: "TortureMessages", path: "Tests/Engine/TortureMessages", swiftSettings: settings),

    engineTests("Bedrock", ["Bedrock"]),
    engineTests("SIP", ["Bedrock", "SIP", "CCrypto", "TortureMessages"]),
    engineTests("Media", ["Bedrock", "Media"]),
    engineTests("RunMetrics", ["Bedrock", "RunMetrics"]),
    engineTests("Domain", ["Bedrock", "RunMetrics", "Domain", "CCrypto"]),
    engineTests("Reports", ["Bedrock", "SIP", "RunMetrics", "Domain", "Reports"]),
    engineTests("UserAgent", ["Bedrock", "SIP", "Media", "RunMetrics", "Domain", "UserAgent", "PBX", "CCrypto"]),
    engineTests("PBX", ["Bedrock", "SIP", "Media", "PBX", "CCrypto"]),
    .testTarget(
        name: "SimulationTests",
        dependencies: ["Bedrock", "SIP", "RunMetrics", "UserAgent", "PBX", "Simulation", "CCrypto"],
        path: "Tests/Simulation", swiftSettings: settings),
    .testTarget(name: "TidyTests", path: "Tests/Tidy", swiftSettings: settings),
]

if !engineOnly {
    packages += [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ]

    let nio: [Target.Dependency] = [
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
    ]
    let secure: [Target.Dependency] = [
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOTLS", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "X509", package: "swift-certificates"),
    ]
    let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
    let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
    let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")

    targets += [
        .target(name: "CNet", path: "Sources/Platform/CNet"),
        // c-ares, the DNS client: NAPTR and SRV, which the system's resolver does not ask for.
        .systemLibrary(
            name: "CCares", path: "Sources/CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"])]),
        platform(
            "Runtime",
            ["Bedrock", "SIP", "Media", "RunMetrics", "UserAgent", "PBX", "CNet", "CCrypto", "CCares", logging] + nio
                + secure),
        platform("WorkerLink", ["Bedrock", "RunMetrics", "Domain", crypto, logging]),
        platform(
            "Worker",
            ["Bedrock", "RunMetrics", "Domain", "UserAgent", "Runtime", "WorkerLink", logging, lifecycle]),
        platform("Vault", ["Bedrock", "Domain", crypto, logging]),
        platform(
            "Store",
            [
                "Bedrock", "RunMetrics", "Domain", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"), logging,
            ]),
        platform(
            "ControlPlane",
            ["Bedrock", "RunMetrics", "Domain", "Reports", "Store", "Vault", "WorkerLink", logging, lifecycle]),
        platform("API"),
        platform(
            "Web",
            [
                "Bedrock", "RunMetrics", "Domain", "Reports", "ControlPlane", "API", hummingbird, logging,
                .product(name: "Mustache", package: "swift-mustache"),
            ]),
        .executableTarget(
            name: "callmeter",
            dependencies: [
                "Bedrock", "SIP", "Media", "RunMetrics", "Domain", "Reports", "UserAgent", "PBX", "Simulation",
                "Runtime",
                "WorkerLink", "Worker", "Vault", "Store", "ControlPlane", "API", "Web", logging, lifecycle,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ],
            path: "Sources/callmeter", swiftSettings: settings,
            // All symbols are bound at start: binding at the first call saves the vector registers on the stack, and with
            // them what was copied last, which may be part of a password.
            linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now"])]),

        platformTests(
            "Runtime",
            ["Bedrock", "SIP", "Media", "RunMetrics", "UserAgent", "PBX", "Runtime", "CNet", "CCrypto", crypto] + nio
                + secure + [.product(name: "NIOEmbedded", package: "swift-nio")]),
        platformTests("Vault", ["Bedrock", "Domain", "Vault", crypto]),
        platformTests(
            "Store",
            ["Bedrock", "RunMetrics", "Domain", "Store", "Vault", .product(name: "GRDB", package: "GRDB.swift")]),
        platformTests("Worker", ["Bedrock", "RunMetrics", "Domain", "Worker", "WorkerLink", crypto]),
        platformTests(
            "ControlPlane",
            [
                "Bedrock", "SIP", "RunMetrics", "Domain", "PBX", "Runtime", "Store", "Vault", "WorkerLink", "Worker",
                "ControlPlane", logging,
            ]),
        platformTests(
            "Web",
            [
                "Bedrock", "RunMetrics", "Domain", "Store", "Vault", "WorkerLink", "Worker", "ControlPlane", "API",
                "Web", hummingbird, .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
        // The harnesses of the web tests and the control plane's tests are linked into it, not copied.
        platformTests(
            "Requirement",
            [
                "Bedrock", "SIP", "Media", "RunMetrics", "Domain", "PBX", "Runtime", "Store", "Vault", "WorkerLink",
                "Worker", "ControlPlane", "API", "Web", hummingbird, logging, crypto,
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        platformTests(
            "CLI",
            ["callmeter", "Domain", "SIP", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    ]
}

let package = Package(
    name: "callmeter",
    platforms: [.macOS(.v15)],
    dependencies: packages,
    targets: targets,
    swiftLanguageModes: [.v6]
)
