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
    private static let config = DaemonUnderTest.mirrorConfig + "\n[pull]\nlow-speed-time = \"2s\"\n"

    @Test func `pull by the best way there is, whatever the trouble`() async throws {
        let other = try await FaultRow.elsewhere()
        try await withYard({ $0.allowance = nil }, config: Self.config) { scene, yard in
            let engines = try await Engines(yard, second: other)
            for row in FaultRow.all { try await pull(row, scene, other, engines) }
            try await engines.stop()
        }
        await other.stop()
    }

    private func pull(_ row: FaultRow, _ scene: Scene, _ other: HubStandIn, _ engines: Engines) async throws {
        let image = try ImageFactory(seed: UInt64(100 + row.number)).big([300_000], platform: .host)
        for engine in Engines.all {
            for hub in [scene.hub, other] { hub.content.add(image, to: row.repository(for: engine)) }
        }
        let layer = try #require(image.manifests.first?.layers.first)
        for engine in Engines.all { row.strike(scene.hub, row.repository(for: engine), layer.digest) }
        if row.outcome == .dead { await scene.hub.goOffline() }
        let began = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for engine in Engines.all {
                group.addTask {
                    let name = row.repository(for: engine)
                    let result = try await engines.pull("docker.io/\(name):latest", with: engine)
                    #expect(result.status == 0, "\(row.name), \(engine): \(result.errors.suffix(800))")
                    let asked = other.log.count { $0.repository == name }
                    #expect((asked > 0) == (row.outcome != .mended), "\(row.name), \(engine): \(asked) elsewhere")
                }
            }
            try await group.waitForAll()
        }
        // After a 429 podman waits for half a minute; a header that does not come, containerd awaits for as long.
        #expect(ContinuousClock.now - began < .seconds(25), "\(row.name)")
        scene.hub.behave()
        if row.outcome == .dead { try await scene.hub.goOnline() }
    }

    /// Nobody recovers from a wrong digest at once, so nobody may be given one: a pull fails short, and the next one is
    /// right.
    @Test func `never keep what came wrong`() async throws {
        try await withYard({ $0.allowance = nil }) { scene, yard in
            let containerd = try await yard.startContainerd()
            for engine in ["skopeo", "ctr"] {
                let image = try ImageFactory(seed: engine == "ctr" ? 97 : 98).big([300_000], platform: .host)
                scene.hub.content.add(image, to: "library/\(engine)")
                let layer = try #require(image.manifests.first?.layers.first)
                // Asked before: for the length. Whoever asks again the same way gets the same.
                scene.hub.misbehave(on: .cdn(layer.digest), .nth(2), .flipByte(at: 100_000))
                let reference = "docker.io/library/\(engine):latest"
                var result = try await yard.pull(reference, with: engine, to: "\(engine)-first")
                #expect(
                    result.status != 0 || scene.hub.log.count(.cdn, digest: layer.digest) > 2, "\(engine) kept it")
                scene.hub.behave()
                // What failed is not asked for again for a moment.
                let end = ContinuousClock.now + .seconds(20)
                while result.status != 0, ContinuousClock.now < end {
                    result = try await yard.pull(reference, with: engine, to: "\(engine)-again")
                }
                #expect(result.status == 0, "\(engine): \(result.errors.suffix(800))")
            }
            try scene.verifyAllBlobs()
            try await containerd.stop()
        }
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
    enum Outcome {
        /// The engine notices nothing.
        case mended
        /// It turns elsewhere at once.
        case elsewhere
        /// The same, for there is nobody upstream.
        case dead
    }

    let number: Int
    let name: String
    let outcome: Outcome
    let strike: @Sendable (HubStandIn, _ repository: String, _ layer: Digest) -> Void

    func repository(for engine: String) -> String { "library/row\(number)-\(engine)" }

    /// Another place to pull from: a registry without any trouble.
    static func elsewhere() async throws -> HubStandIn {
        var options = HubOptions.plainLoopback
        options.authentication = .open
        options.allowance = nil
        options.redirectsBlobs = false
        return try await HubStandIn.start(options)
    }

    private static func manifest(_ status: Int, _ headers: [(String, String)] = [])
        -> @Sendable (
            HubStandIn, String, Digest
        ) -> Void
    {
        { hub, repository, _ in
            hub.misbehave(
                on: RequestMatcher(.manifest, repository: repository), .always, .status(status, headers: headers))
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
        let retry = [("Retry-After", "30")]
        let rows: [(String, Outcome, @Sendable (HubStandIn, String, Digest) -> Void)] = [
            ("/v2/ 404", .mended, { hub, _, _ in hub.misbehave(on: RequestMatcher(.ping), .always, .status(404)) }),
            ("/v2/ 500", .mended, { hub, _, _ in hub.misbehave(on: RequestMatcher(.ping), .always, .status(500)) }),
            ("manifest 404", .elsewhere, manifest(404)), ("manifest 500", .elsewhere, manifest(500)),
            ("manifest 429", .elsewhere, manifest(429, retry)), ("manifest 503", .elsewhere, manifest(503, retry)),
            ("manifest 401", .elsewhere, manifest(401, [("WWW-Authenticate", "Basic realm=\"hub\"")])),
            ("blob 404", .elsewhere, blob(.status(404))), ("blob 503", .elsewhere, blob(.status(503))),
            ("blob 429", .elsewhere, blob(.status(429, headers: retry))),
            ("blob headers delayed", .elsewhere, blob(.delay(.seconds(45)))),
            ("FIN in a layer", .mended, transfer(.cut(after: 100_000))),
            ("RST in a layer", .mended, transfer(.cut(after: 100_000, .reset))),
            ("a range ignored after a cut", .mended, transfer(.cut(after: 100_000), .ignoreRange)),
            ("a stall in a layer", .mended, transfer(.stall(after: 100_000))),
            ("a text after a cut", .mended, transfer(.garbage(after: 100_000, "{\"errors\":[]}"))),
            ("connections dropped", .elsewhere, blob(.silence(.fin))), ("registry gone", .dead, { _, _, _ in }),
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

    func pull(_ image: String, with engine: String) async throws -> ProcessResult {
        let name = image.split(whereSeparator: { "/:".contains($0) }).joined(separator: "-")
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
