import FoundationEssentials
import OCI
import TestSupport
import Testing

/// Every key of the configuration changes what a daemon does: here with a real one, or in the test that is named.
@Suite(.serialized) struct `A key of the configuration` {
    /// A daemon with the key set, and what is seen of it.
    struct Case: Sendable {
        var config = ""
        var registry: [String] = []
        var hub: @Sendable (inout HubOptions) -> Void = { _ in }
        var seen: @Sendable (Scene) async throws -> Void
    }

    static let cases: [String: Case] = [
        "log.format": Case(config: "[log]\nformat = \"json\"") { scene in
            let lines = scene.daemon.process.state.errorText.split(separator: "\n")
            #expect(!lines.isEmpty && lines.allSatisfy { $0.hasPrefix("{\"time\":") }, "\(lines)")
        },
        "store.max-size": Case(config: "[store]\nmax-size = \"1MB\"") { scene in
            try await expectNoRoom(scene, pulling: 1_500_000)
        },
        "store.min-free": Case(config: "[store]\nmin-free = \"900TB\"") { scene in
            try await expectNoRoom(scene, pulling: 1_000)
        },
        "store.keep-at-least": Case(config: "[store]\nmax-size = \"1MB\"\nkeep-at-least = \"0s\"") { scene in
            try await pull(scene, sizes: [300_000, 300_000, 300_000, 300_000])
            let evicted = try await scene.daemon.get("/layerd/v1/why")["evictions"]?.array
            #expect(evicted?.isEmpty == false)
        },
        "store.low-watermark": Case(
            config: "[store]\nmax-size = \"1MB\"\nkeep-at-least = \"0s\"\nlow-watermark = 0.35"
        ) { scene in
            try await pull(scene, sizes: [300_000, 300_000, 300_000, 300_000])
            let left = try await scene.daemon.get("/images/json").array?.count ?? 0
            #expect(left <= 2, "\(left) images are left of four, of which one fits under the mark")
        },
        "mirror.listen": Case(config: DaemonUnderTest.mirrorConfig) { scene in
            let answer = try await status(scene, host: nil)
            #expect(answer == "200")
        },
        "mirror.hosts": Case(config: DaemonUnderTest.mirrorConfig + "hosts = [\"cache.example\"]\n") { scene in
            let answer = try await status(scene, host: "cache.example")
            #expect(answer == "200")
            let other = try await status(scene, host: "other.example")
            #expect(other != "200")
        },
        "pull.retries": Case(config: "[pull]\nretries = 0") { scene in
            scene.hub.misbehave(on: .cdn(), .first, .cut(after: 10))
            let answer = try await scene.daemon.layerctl("pull", "-q", "shop").status
            #expect(answer == 1)
        },
        "pull.any-registry": Case(config: "[pull]\nany-registry = false") { scene in
            let refused = try await scene.daemon.layerctl("pull", "-q", "127.0.0.1:1/x")
            #expect(refused.status == 1 && refused.errors.contains("any-registry"), "\(refused.errors)")
        },
        "pull.max-connections": oneAtATime("max-connections"),
        "pull.per-host": oneAtATime("per-host"),
        "pull.range-threshold": Case(config: "[pull]\nrange-threshold = \"100kB\"") { scene in
            try await pull(scene, sizes: [200_000])
            #expect(scene.hub.log.records.contains { $0.range?.hasPrefix("bytes=0-") == true })
        },
        "pull.low-speed-time": Case(config: "[pull]\nlow-speed-time = \"1s\"\nretries = 0") { scene in
            scene.hub.misbehave(on: .cdn(), .always, .stall(after: 10))
            let stalled = try await scene.daemon.layerctl("pull", "-q", "shop")
            #expect(
                stalled.status == 1 && stalled.errors.contains("stalled below 1024 B/s for 1 s"), "\(stalled.errors)")
        },
        "pull.low-speed": Case(config: "[pull]\nlow-speed = \"1GB\"\nlow-speed-time = \"1s\"\nretries = 0") { scene in
            scene.hub.misbehave(on: .cdn(), .always, .drip(bytes: 200, every: .milliseconds(100)))
            let slow = try await scene.daemon.layerctl("pull", "-q", "shop")
            #expect(slow.status == 1 && slow.errors.contains("stalled below 1000000000 B/s"), "\(slow.errors)")
        },
        "registry.endpoint": Case { scene in try await pull(scene, sizes: [1_000]) },
        "registry.proxy": Case(registry: ["proxy = \"http://127.0.0.1:1\""]) { scene in
            let refused = try await scene.daemon.layerctl("pull", "-q", "shop")
            #expect(refused.status == 1 && refused.errors.contains("connection refused"), "\(refused.errors)")
        },
        "registry.mirrors": Case(registry: ["mirrors = [\"http://127.0.0.1:1\"]"]) { scene in
            let answer = try await scene.daemon.layerctl("pull", "-q", "shop").status
            #expect(answer == 0)
            let info = try await scene.daemon.get("/info")
            #expect(info["RegistryConfig"]?["Mirrors"]?.array == ["http://127.0.0.1:1"])
        },
        "registry.reserve": Case(
            config: "[warm.a]\nimages = [\"shop\"]", registry: ["reserve = 1000"],
            hub: { $0.allowance = HubAllowance(anonymous: 200) }
        ) { scene in
            let answer = try await scene.daemon.layerctl("pull", "-q", Scene.webPingName).status
            #expect(answer == 0)
            let refused = try await scene.daemon.layerctl("warm", "a")
            #expect(refused.status == 1 && refused.errors.contains("1000"), "\(refused.errors)")
        },
        "registry.ca": Case(registry: []) { scene in
            #expect(scene.hub.caFile != nil && scene.hub.endpoint.hasPrefix("https://"))
            try await pull(scene, sizes: [1_000])
        },
        "warm.platforms": Case(
            config: "[warm.a]\nimages = [\"diamol/ch03-web-ping\"]\nplatforms = [\"linux/arm64\", \"linux/arm/v7\"]"
        ) { scene in
            let answer = try await scene.daemon.layerctl("warm", "a").status
            #expect(answer == 0)
            let entries = try await scene.daemon.get("/layerd/v1/warm")["entries"]?.array ?? []
            #expect(entries.compactMap { $0["platform"]?.string } == ["linux/arm/v7", "linux/arm64"])
        },
    ]

    /// A limit of `[pull]` on connections, set to one.
    private static func oneAtATime(_ key: String) -> Case {
        Case(config: "[pull]\n\(key) = 1", hub: { $0.latency = .milliseconds(20) }) { scene in
            let answer = try await scene.daemon.layerctl("pull", "-q", "shop").status
            #expect(answer == 0)
            #expect(scene.shop.manifests[0].layers.count > 2)
            #expect(scene.hub.log.all.peak(.cdn) == 1)
        }
    }

    /// Suites and tests that show the same of other keys.
    static let elsewhere: [String: (file: String, test: String)] = [
        "log.level": ("IntegrationTests/ServiceTests", "reads its configuration again at SIGHUP"),
        "store.scrub-every": ("DaemonTests/ScrubServiceTests", "begins when its time has come"),
        "control.socket": ("IntegrationTests/KeyTests", "says where the socket is, and whose"),
        "control.group": ("IntegrationTests/KeyTests", "says where the socket is, and whose"),
        "control.read-group": ("IntegrationTests/ControlAccessTests", ""),
        "mirror.private": ("MirrorAPITests/AccessTests", "is given to everybody when the configuration says so"),
        "mirror.cert": ("MirrorAPITests/EncryptionTests", "speaks TLS"),
        "mirror.key": ("MirrorAPITests/EncryptionTests", "says what is wrong with its certificate"),
        "mirror.client-ca": ("MirrorAPITests/EncryptionTests", "lets in whom its authority knows"),
        "mirror.insecure-listen": ("DaemonTests/MirrorConfigurationTests", "or say that none is wanted"),
        "pull.connect-timeout": ("TransportTests/ConnectionTests", "without timing out"),
        "registry.revalidate-after": ("MirrorAPITests/FreshnessTests", "is believed for as long as it may be"),
        "registry.revalidate": ("MirrorAPITests/FreshnessTests", "is believed as the longest pattern that fits says"),
        "registry.client-cert": ("TransportTests/TLSTests", "shows the client certificate where one is set"),
        "registry.client-key": ("TransportTests/TLSTests", "shows the client certificate where one is set"),
        "registry.insecure": ("RegistryTests/HostTests", "that is insecure is asked in the clear"),
        "registry.username": ("IntegrationTests/LoginFlowTests", "that the daemon's configuration keeps serves"),
        "registry.password-file": ("IntegrationTests/LoginFlowTests", "that the daemon's configuration keeps serves"),
        "registry.credential-helper": ("RegistryTests/KeptCredentialTests", "is looked for in the configuration"),
        "registry.token-realms": (
            "RegistryTests/CredentialTests", "goes to a token server that the configuration names"
        ),
        "warm.images": ("IntegrationTests/WarmTests", "fetches what its plan says"),
        "warm.files": ("IntegrationTests/WarmTests", "is brought without being asked, and from files"),
        "warm.every": ("IntegrationTests/WarmTests", "is brought without being asked, and from files"),
        "warm.schedule": ("IntegrationTests/WarmTests", "is brought when its schedule comes up"),
        "warm.window": ("IntegrationTests/WarmTests", "is brought when its schedule comes up"),
        "warm.bandwidth": ("IntegrationTests/WarmTests", "is brought when its schedule comes up"),
        "warm.pin": ("IntegrationTests/WarmTests", "fetches what its plan says"),
        "warm.into": ("IntegrationTests/EngineMirrorTests", "take over what a warm list brought"),
    ]

    @Test(arguments: cases.keys.sorted()) func `changes what is seen`(key: String) async throws {
        let one = try #require(Self.cases[key])
        try await withScene(one.hub, config: one.config, registry: one.registry) { try await one.seen($0) }
    }

    /// A key that is new to the file has no case, and a case whose key or test is gone is none.
    @Test func `has a case, or a test elsewhere`() throws {
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let shipped = String(decoding: try Files.read(root + "/config/layerd.toml"), as: UTF8.self)
        #expect(try Self.keys(of: shipped) == Set(Self.cases.keys).union(Self.elsewhere.keys))
        for (key, place) in Self.elsewhere {
            let source = String(decoding: try Files.read("\(root)/Tests/\(place.file).swift"), as: UTF8.self)
            let names = source.split(separator: "\n").filter { $0.contains("func `") }
            #expect(names.contains { place.test.isEmpty || $0.contains(place.test) }, "\(key): no \(place)")
        }
    }

    /// As `table.key`, with the registry's and the list's names left out.
    private static func keys(of text: String) throws -> Set<String> {
        var keys = Set<String>()
        var table = ""
        for line in text.split(separator: "\n") {
            let plain = line.drop { $0 == "#" || $0 == " " }
            if plain.hasPrefix("["), plain.hasSuffix("]"), !plain.contains(" ") {
                table = String(plain.dropFirst().prefix { $0 != "." && $0 != "]" })
            } else if let end = plain.firstRange(of: " = "), !plain[..<end.lowerBound].contains(" ") {
                keys.insert("\(table).\(plain[..<end.lowerBound])")
            }
        }
        return keys
    }

    @Test func `says where the socket is, and whose`() async throws {
        let directory = try TemporaryDirectory("layerd-it")
        func start(_ lines: String) throws -> RunningProcess {
            try Files.write("[mirror]\nlisten = []\n[control]\n" + lines, to: directory.path("layerd.toml"))
            let arguments = ["--config", directory.path("layerd.toml"), "--state-dir", directory.path("state")]
            return try RunningProcess(DaemonUnderTest.products + "/layerd", arguments)
        }
        let process = try start("socket = \"\(directory.path("here.sock"))\"\n")
        _ = try await process.wait(for: "readiness") { $0.errorText.contains(" ready ") ? true : nil }
        #expect(Files.size(directory.path("here.sock")) != nil)
        #expect(try await process.stop() == 0)
        let refused = try start("socket = \"\(directory.path("here.sock"))\"\ngroup = \"no-such-group\"\n")
        #expect(try await refused.exit() == 1)
        #expect(refused.state.errorText.contains("no-such-group"), "\(refused.state.errorText)")
    }

    // MARK: What cases look at

    private static func pull(_ scene: Scene, sizes: [Int]) async throws {
        for (number, size) in sizes.enumerated() {
            scene.hub.content.add(try ImageFactory(seed: UInt64(40 + number)).big([size]), to: "library/image\(number)")
            let pulled = try await scene.daemon.layerctl("pull", "-q", "image\(number)")
            #expect(pulled.status == 0, "\(pulled.errors)")
        }
    }

    private static func expectNoRoom(_ scene: Scene, pulling size: Int) async throws {
        scene.hub.content.add(try ImageFactory(seed: 40).big([size]), to: "library/image")
        let refused = try await scene.daemon.layerctl("pull", "-q", "image")
        #expect(refused.status == 1 && refused.errors.contains("no space left"), "\(refused.errors)")
    }

    private static func status(_ scene: Scene, host: String?) async throws -> String {
        let mirror = try await scene.daemon.mirror()
        let head = host.map { ["-H", "Host: \($0)"] } ?? []
        return try await runChecked(
            "curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}"] + head + ["http://\(mirror)/v2/"]
        )
        .output
    }
}
