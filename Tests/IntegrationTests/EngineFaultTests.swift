import FoundationEssentials
import OCI
import TestSupport
import Testing

/// What engines make of a mirror whose registry misbehaves, with another one to turn to: the engines' fault matrix, row
/// by row. What layerd can mend nobody notices; what it cannot, it says so early and in such a way that engines turn
/// elsewhere at once.
@Suite(
    .serialized, .enabled(if: EngineYard.areInstalled, EngineYard.tools),
    .enabled(EngineYard.absence) { await EngineYard.canMount() })
struct `Engines beside a registry in trouble` {
    /// What cannot be mended is given up within a test's patience.
    private static let config = DaemonUnderTest.mirrorConfig + "\n[pull]\nlow-speed-time = \"1s\"\nretries = 1\n"

    @Test func `pull by the best way there is, whatever the trouble`() async throws {
        let other = try await FaultRow.elsewhere()
        try await withYard({ $0.allowance = nil }, config: Self.config) { scene, yard in
            let engines = try await Engines(yard, second: other)
            for row in FaultRow.all where FaultRow.runsAll || !FaultRow.lengthy.contains(row.name) {
                try await pull(row, scene, other, engines)
            }
            try scene.verifyAllBlobs()
            try await engines.stop()
        }
        await other.stop()
    }

    private func pull(_ row: FaultRow, _ scene: Scene, _ other: HubStandIn, _ engines: Engines) async throws {
        for (place, engine) in Engines.all.enumerated() {
            let seed = UInt64(100 + row.number * Engines.all.count + place)
            let image = try ImageFactory(seed: seed).big([300_000], platform: .host)
            let repository = row.repository(for: engine)
            for hub in [scene.hub, other] { hub.content.add(image, to: repository) }
            row.strike(scene.hub, repository, try #require(image.manifests.first?.layers.first).digest)
        }
        if row.outcome == .dead { await scene.hub.goOffline() }
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for engine in row.engines {
                group.addTask { try await pull(row, with: engine, other, engines) }
            }
            try await group.waitForAll()
        }
        // After a 429 podman waits for half a minute; a header that does not come, containerd awaits for as long.
        #expect(ContinuousClock.now - began < .seconds(25), "\(row.name)")
        scene.hub.behave()
        if row.outcome == .elsewhere { try await recover(row, scene) }
    }

    private func pull(_ row: FaultRow, with engine: String, _ other: HubStandIn, _ engines: Engines) async throws {
        let name = row.repository(for: engine)
        var result = try await engines.pull("docker.io/\(name):latest", with: engine)
        if case .nextTime(let harmed) = row.outcome, harmed.contains(engine) {
            #expect(result.status != 0, "\(row.name), \(engine): got over it")
            result = try await engines.pull("docker.io/\(name):latest", with: engine, again: true)
        }
        #expect(result.status == 0, "\(row.name), \(engine): \(result.errors.suffix(800))")
        let asked = other.log.count { $0.repository == name }
        #expect((asked > 0) == (row.outcome != .mended), "\(row.name), \(engine): \(asked) elsewhere")
    }

    /// After many failures, or a 429, a registry is left alone for a moment: the next row is to find it well.
    private func recover(_ row: FaultRow, _ scene: Scene) async throws {
        let mirror = try await scene.daemon.mirror()
        let end = ContinuousClock.now + .seconds(20)
        var number = 0
        while ContinuousClock.now < end {
            // What was asked for in vain is not asked for again at once.
            let name = "library/well\(row.number)-\(number)"
            scene.hub.content.add(scene.shop, to: name)
            let url = "http://\(mirror)/v2/\(name)/manifests/latest"
            if try await runProcess("curl", ["-sf", "-o", "/dev/null", url]).status == 0 { return }
            number += 1
        }
        Issue.record("\(row.name): the registry is not asked again")
    }

    /// With layerd gone, engines are held up no longer than a connection takes to be refused.
    @Test func `do without a layerd that is not there`() async throws {
        let other = try await FaultRow.elsewhere()
        try await withYard({ $0.allowance = nil }) { scene, yard in
            let engines = try await Engines(yard, second: other)
            let image = try ImageFactory(seed: 99).big([10_000], platform: .host)
            other.content.add(image, to: "library/gone")
            try await scene.daemon.stop()
            for engine in Engines.all {
                let began = ContinuousClock.now
                let result = try await engines.pull("docker.io/library/gone:latest", with: engine)
                #expect(result.status == 0, "\(engine): \(result.errors.suffix(800))")
                #expect(ContinuousClock.now - began < .seconds(25), "\(engine)")
            }
            try await engines.stop()
        }
        await other.stop()
    }
}

/// One row: what goes wrong upstream, and what becomes of the pull.
struct FaultRow: Sendable {
    enum Outcome: Equatable {
        /// The engine notices nothing.
        case mended
        /// It turns elsewhere at once.
        case elsewhere
        /// As `elsewhere`, but for these engines: what has gone out cannot be taken back. Their pull fails, and the
        /// next one goes elsewhere.
        case nextTime(harmed: [String])
        /// As `elsewhere`, for there is nobody upstream.
        case dead
    }

    let number: Int
    let name: String
    let outcome: Outcome
    let strike: @Sendable (HubStandIn, _ repository: String, _ layer: Digest) -> Void

    /// dockerd comes back four times to where it has bytes from, for 50 s in all, before it turns elsewhere.
    var engines: [String] {
        if case .nextTime = outcome { ["skopeo", "ctr"] } else { Engines.all }
    }

    func repository(for engine: String) -> String { "library/row\(number)-\(engine)" }

    /// Another place to pull from: a registry without any trouble.
    static func elsewhere() async throws -> HubStandIn {
        var options = HubOptions.plainLoopback
        options.names = HubNames(registry: "127.0.0.1", auth: "auth.localhost", cdn: "cdn.localhost")
        options.authentication = .open
        options.allowance = nil
        options.redirectsBlobs = false
        return try await HubStandIn.start(options)
    }

    /// Those that are slow by their nature, and much like another: `make engine-faults` runs them as well.
    static let lengthy = ["manifest headers delayed", "manifest dropped", "blob 429", "a stall in a layer"]
    static let runsAll = ProcessInfo.processInfo.environment["LAYERD_ENGINE_FAULTS"] == "all"

    private static func manifest(_ how: Misbehaviour) -> @Sendable (HubStandIn, String, Digest) -> Void {
        { hub, repository, _ in
            hub.misbehave(on: RequestMatcher(.manifest, repository: repository), .always, how)
        }
    }

    private static func blob(_ how: Misbehaviour) -> @Sendable (HubStandIn, String, Digest) -> Void {
        { hub, repository, _ in
            hub.misbehave(on: RequestMatcher(.blob, repository: repository), .always, how)
        }
    }

    private static func transfer(_ how: Misbehaviour...) -> @Sendable (HubStandIn, String, Digest) -> Void {
        { hub, _, layer in
            for one in how { hub.misbehave(on: .cdn(layer), .times(2), one) }
        }
    }

    static let all: [FaultRow] = {
        // Longer than anybody is kept waiting; short enough for the next row.
        let retry = [("Retry-After", "2")]
        let challenge = [("WWW-Authenticate", "Basic realm=\"hub\"")]
        let rows: [(String, Outcome, @Sendable (HubStandIn, String, Digest) -> Void)] = [
            ("/v2/ 404", .mended, { hub, _, _ in hub.misbehave(on: RequestMatcher(.ping), .always, .status(404)) }),
            ("/v2/ 500", .mended, { hub, _, _ in hub.misbehave(on: RequestMatcher(.ping), .always, .status(500)) }),
            ("manifest 404", .elsewhere, manifest(.status(404))), ("manifest 500", .elsewhere, manifest(.status(500))),
            ("manifest 503", .elsewhere, manifest(.status(503, headers: retry))),
            ("manifest 429", .elsewhere, manifest(.status(429, headers: retry))),
            ("manifest 401", .elsewhere, manifest(.status(401, headers: challenge))),
            ("manifest headers delayed", .elsewhere, manifest(.delay(.seconds(45)))),
            ("manifest dropped", .elsewhere, manifest(.silence(.reset))),
            ("blob 404", .elsewhere, blob(.status(404))), ("blob 503", .elsewhere, blob(.status(503))),
            ("blob 429", .elsewhere, blob(.status(429, headers: retry))),
            ("blob headers delayed", .elsewhere, blob(.delay(.seconds(45)))),
            ("blob dropped", .elsewhere, blob(.silence(.fin))),
            ("FIN in a layer", .mended, transfer(.cut(after: 100_000))),
            ("RST in a layer", .mended, transfer(.cut(after: 100_000, .reset))),
            ("a range ignored after a cut", .mended, transfer(.cut(after: 100_000), .ignoreRange)),
            ("a stall in a layer", .mended, transfer(.stall(after: 100_000))),
            (
                "a layer that is never whole", .nextTime(harmed: ["skopeo"]),
                { hub, _, layer in
                    hub.misbehave(on: .cdn(layer), .nth(2), .cut(after: 100_000))
                    hub.misbehave(on: .cdn(layer), .after(2), .status(404))
                }
            ),
            (
                "a corrupt layer", .nextTime(harmed: ["skopeo", "ctr"]),
                { hub, _, layer in hub.misbehave(on: .cdn(layer), .always, .flipByte(at: 100_000)) }
            ), ("registry gone", .dead, { _, _, _ in }),
        ]
        return rows.enumerated().map {
            FaultRow(number: $0.offset, name: $0.element.0, outcome: $0.element.1, strike: $0.element.2)
        }
    }()
}

/// One engine of each family, told of layerd and of another registry after it.
struct Engines {
    static let all = ["skopeo", "ctr", "docker"]

    private let yard: EngineYard
    private let containerd: RunningProcess
    private let dockerd: RunningProcess

    init(_ yard: EngineYard, second: HubStandIn) async throws {
        self.yard = yard
        try await yard.tell(of: "127.0.0.1:\(second.port)")
        containerd = try await yard.startContainerd()
        dockerd = try await yard.startDockerd()
    }

    /// - Parameter again: into another store, where the engine has several: containerd keeps what came wrong.
    func pull(_ image: String, with engine: String, again: Bool = false) async throws -> ProcessResult {
        let name = image.split(whereSeparator: { "/:".contains($0) }).joined(separator: "-") + (again ? "-again" : "")
        return try await yard.pull(image, with: engine, to: name)
    }

    func stop() async throws {
        try await dockerd.stop()
        try await containerd.stop()
    }
}

extension EngineYard {
    /// Puts another mirror of Docker Hub after layerd into every engine's configuration.
    func tell(of second: String) async throws {
        try await runChecked("mkdir", ["-p", "\(hostsDirectory)/docker.io"])
        try Files.write(
            """
            [[registry]]
            prefix = "docker.io"
            location = "docker.io"
            [[registry.mirror]]
            location = "\(mirror)/docker.io"
            insecure = true
            [[registry.mirror]]
            location = "\(second)"
            insecure = true

            """, to: registriesConf)
        try Files.write(
            """
            [host."http://\(mirror)"]
              capabilities = ["pull", "resolve"]
            [host."http://\(second)"]
              capabilities = ["pull", "resolve"]

            """, to: "\(hostsDirectory)/docker.io/hosts.toml")
        try Files.write(
            "{\"registry-mirrors\": [\"http://\(mirror)\", \"http://\(second)\"]}\n",
            to: directory.path("root/etc/docker/daemon.json"))
    }

    func pull(_ image: String, with engine: String, to name: String) async throws -> ProcessResult {
        switch engine {
        case "ctr": try await ctr(image, namespace: name)
        case "docker": try await docker("pull", "-q", image)
        default: try await skopeo(image, to: name)
        }
    }
}
