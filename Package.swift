// swift-tools-version: 6.2
import PackageDescription

// One target = one folder under Sources = one job. What may import what is the table in ARCHITECTURE.md, held by
// Tests/LayeringTests. Every package is pinned exactly: a build today and a build next year are the same build.

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let toml = Target.Dependency.product(name: "TOMLKit", package: "TOMLKit")

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func suite(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The suites to build, by name: `LAYERD_SUITES=StorageTests,PullingTests swift build --build-tests` spares the others'
/// compilation while one room is being worked at. Without it, all of them.
let chosenSuites = Context.environment["LAYERD_SUITES"].map { Set($0.split(separator: ",").map(String.init)) }

let suites = [
    suite("OCITests", ["OCI", "Hashing", "TestSupport"]),
    suite("CoordinationTests", ["Coordination"]),
    suite("ObservabilityTests", ["Observability"]),
    suite("TransportTests", ["Transport", "OCI", "TestSupport"]),
    suite("StorageTests", ["Storage", "Coordination", "OCI", "Hashing", "TestSupport", systemPackage]),
    suite("LayersTests", ["Layers", "OCI", "Hashing", "TestSupport"]),
    suite("KeyringTests", ["Keyring", "OCI", "TestSupport"]),
    suite("RegistryTests", ["Registry", "Keyring", "Transport", "Coordination", "OCI", "Hashing", "TestSupport"]),
    suite("CatalogueTests", ["Catalogue", "OCI", "TestSupport", grdb]),
    suite(
        "PullingTests",
        ["Pulling", "Coordination", "Registry", "Storage", "Layers", "Catalogue", "OCI", "Hashing", "TestSupport"]),
    suite(
        "ArchivesTests",
        [
            "Archives", "Layers", "Pulling", "Registry", "Coordination", "Storage", "Catalogue", "OCI", "Hashing",
            "TestSupport",
        ]),
    suite("WarmingTests", ["Warming", "Pulling", "Catalogue", "Registry", "OCI", "Coordination", "TestSupport"]),
    suite("ServingTests", ["Serving", nioCore]),
    suite(
        "EngineAPITests",
        [
            "EngineAPI", "Archives", "Serving", "Pulling", "Storage", "Catalogue", "Registry", "OCI", "Hashing",
            "TestSupport",
        ]),
    suite(
        "NativeAPITests",
        [
            "NativeAPI", "Observability", "Coordination", "Hashing", "TestSupport", "Serving", "Pulling", "Registry",
            "Storage", "Catalogue", "OCI",
        ]),
    suite(
        "MirrorAPITests",
        [
            "MirrorAPI", "Serving", "Pulling", "Storage", "Catalogue", "Registry", "OCI", "Hashing", "Coordination",
            "TestSupport",
        ]),
    suite(
        "DaemonTests",
        [
            "Daemon", "Pulling", "Warming", "Serving", "Registry", "Transport", "Storage", "Catalogue", "OCI",
            "Hashing",
            "Coordination",
            "TestSupport", logging, lifecycle,
        ]),
    suite("LayerctlTests", ["layerctl", "OCI", "Keyring", "TestSupport", arguments]),
    suite("TestSupportTests", ["TestSupport", "OCI", "Hashing"]),
    suite("IntegrationTests", ["TestSupport", "OCI", "Hashing", "Coordination"]),
    suite("FaultTests", ["TestSupport", "OCI", "Hashing", "Coordination"]),
    suite(
        "FuzzTests",
        [
            "OCI", "Keyring", "Registry", "Transport", "Storage", "Layers", "Serving", "EngineAPI", "MirrorAPI",
            "Warming", "Daemon", "TestSupport", nioCore,
        ]),
    suite("LayeringTests", []),
]

let package = Package(
    name: "layerd",
    products: [
        .executable(name: "layerd", targets: ["layerd"]),
        .executable(name: "layerctl", targets: ["layerctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        room("OCI"),
        room("Hashing", ["OCI", crypto]),
        room("Coordination"),
        room("Observability", ["Coordination"]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CLzma", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .target(name: "CMemory"),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("curl")]),
        room("Transport", ["OCI", "Coordination", "CCurl"]),
        room("Storage", ["OCI", "Hashing", "Coordination", systemPackage]),
        room("Layers", ["OCI", "Hashing", "CZlib", "CZstd", "CLzma"]),
        room("Catalogue", ["OCI", "Coordination", grdb]),
        .target(name: "CSpawn"),
        room("Keyring", ["OCI", "Coordination", "CSpawn"]),
        room("Registry", ["OCI", "Hashing", "Coordination", "Transport", "Keyring"]),
        room(
            "Pulling",
            ["OCI", "Hashing", "Coordination", "Observability", "Storage", "Layers", "Registry", "Catalogue"]),
        room("Archives", ["OCI", "Hashing", "Coordination", "Layers", "Storage", "Catalogue", "Pulling"]),
        room("Warming", ["OCI", "Coordination", "Registry", "Pulling", "Catalogue", yams]),
        room("Serving", [nioCore, nioPosix, nioSSL]),
        room(
            "EngineAPI",
            ["OCI", "Coordination", "Archives", "Pulling", "Storage", "Catalogue", "Registry", "Serving"]),
        room("MirrorAPI", ["OCI", "Coordination", "Pulling", "Storage", "Catalogue", "Registry", "Serving"]),
        room(
            "NativeAPI",
            [
                "OCI", "Coordination", "Observability", "Pulling", "Warming", "Storage", "Catalogue", "Registry",
                "Serving",
            ]
        ),
        room(
            "Daemon",
            [
                "OCI", "Hashing", "Coordination", "Observability", "Transport", "Storage", "Keyring", "Registry",
                "Catalogue", "Pulling", "Warming", "Archives", "Serving", "EngineAPI", "NativeAPI", "MirrorAPI",
                "CMemory", logging, lifecycle, unixSignals, toml, systemPackage,
            ]),
        .executableTarget(name: "layerd", dependencies: ["Daemon", arguments, logging], swiftSettings: settings),
        .executableTarget(
            name: "layerctl", dependencies: ["OCI", "Transport", "Keyring", arguments], swiftSettings: settings),
        room(
            "TestSupport",
            [
                "OCI", "Hashing", "Coordination", "Transport", "Storage", "Keyring", "CZlib", "CZstd", nioCore,
                nioPosix,
                nioHTTP1, nioSSL,
            ]),
        .executableTarget(
            name: "hub-stand-in", dependencies: ["TestSupport", "OCI", arguments], swiftSettings: settings),
        .executableTarget(
            name: "measure-transfers", dependencies: ["TestSupport", "OCI", arguments], swiftSettings: settings),
    ] + suites.filter { chosenSuites?.contains($0.name) ?? true },
    cxxLanguageStandard: .cxx17
)
