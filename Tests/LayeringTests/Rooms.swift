/// What each room may import, as the table in ARCHITECTURE.md says. A door that is not here does not exist.
enum Rooms {
    /// Modules of the toolchain and the C library: open to every room that may do I/O.
    static let toolchain: Set<String> = ["Glibc", "Musl", "Synchronization", "FoundationEssentials"]

    static let doors: [String: Set<String>] = [
        "OCI": [],
        "Hashing": ["OCI", "Crypto"],
        "Coordination": ["Glibc", "Musl", "Synchronization"],
        "Observability": ["Coordination", "Synchronization"],
        "Transport": toolchain.union(["OCI", "Coordination", "CCurl"]),
        "Storage": toolchain.union(["OCI", "Hashing", "Coordination", "SystemPackage"]),
        "Layers": ["OCI", "Hashing", "CZlib", "CZstd", "CLzma"],
        "Catalogue": toolchain.union(["OCI", "Coordination", "GRDB", "Foundation"]),
        "Keyring": toolchain.union(["OCI", "Coordination", "CSpawn"]),
        "Registry": toolchain.union(["OCI", "Hashing", "Coordination", "Transport", "Keyring"]),
        "Pulling": toolchain.union([
            "OCI", "Hashing", "Coordination", "Observability", "Storage", "Layers", "Registry", "Catalogue",
        ]),
        "Archives": toolchain.union([
            "OCI", "Hashing", "Coordination", "Layers", "Storage", "Catalogue", "Pulling",
        ]),
        "Warming": toolchain.union(["OCI", "Coordination", "Registry", "Pulling", "Catalogue", "Yams"]),
        "Serving": toolchain.union(["NIOCore", "NIOPosix", "NIOSSL"]),
        "EngineAPI": toolchain.union([
            "OCI", "Coordination", "Archives", "Pulling", "Storage", "Catalogue", "Registry", "Serving",
        ]),
        "NativeAPI": toolchain.union([
            "OCI", "Coordination", "Observability", "Pulling", "Warming", "Storage", "Catalogue", "Registry", "Serving",
        ]),
        "MirrorAPI": toolchain.union(["OCI", "Coordination", "Pulling", "Storage", "Catalogue", "Registry", "Serving"]),
        "Daemon": toolchain.union([
            "OCI", "Hashing", "Coordination", "Observability", "Transport", "Storage", "Registry", "Catalogue",
            "Pulling", "Archives", "Warming", "Serving", "Keyring",
            "EngineAPI",
            "NativeAPI", "MirrorAPI", "CMemory", "Logging", "ServiceLifecycle", "UnixSignals", "TOMLKit",
            "SystemPackage",
        ]),
        "layerd": ["Daemon", "ArgumentParser", "Glibc", "Logging"],
        "layerctl": toolchain.union(["OCI", "Transport", "Keyring", "ArgumentParser"]),
        "hub-stand-in": toolchain.union(["TestSupport", "OCI", "ArgumentParser"]),
        "measure-transfers": toolchain.union(["TestSupport", "OCI", "ArgumentParser"]),
        "TestSupport": toolchain.union([
            "OCI", "Hashing", "Coordination", "Transport", "Storage", "Keyring", "CZlib", "CZstd", "NIOCore",
            "NIOPosix",
            "NIOHTTP1", "NIOSSL", "NIOConcurrencyHelpers",
        ]),
    ]

    /// Packages that one file alone may import, so that they can be replaced.
    static let singleFile: [String: String] = ["TOMLKit": "ConfigurationText.swift", "Yams": "YAMLTree.swift"]
}
