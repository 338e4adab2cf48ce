import FoundationEssentials
import OCI
import TestSupport
import Testing

@Suite(.serialized) struct `A warm list` {
    /// Thirty applications, on two bases.
    private static let names = (0..<30).map { "team\($0 % 5)/app\($0)" }

    private func stock(_ scene: Scene) throws {
        let bases = try [
            scene.base,
            scene.factory.baseShared(
                .host,
                sizes: DemoSizes(
                    system: 90_000, runtime: 30_000, packages: 9_000, modules: 1)),
        ]
        for (number, name) in Self.names.enumerated() {
            scene.hub.content.add(try scene.factory.application("app\(number)", on: bases[number % 2]), to: name)
        }
    }

    private static let config = """
        [warm.all]
        images = [\(names.map { "\"\($0)\"" }.joined(separator: ", "))]
        pin = true
        """

    @Test func `fetches what its plan says, and nothing the second time`() async throws {
        try await withScene(config: Self.config) { scene in
            try stock(scene)
            let plan = try await scene.daemon.layerctl("warm", "--plan", "--format", "json", "all")
            #expect(plan.status == 0, "\(plan.errors)")
            let planned = try #require(try JSON(parsing: plan.stdout)["bytesToFetch"]?.integer)
            let first = try await scene.daemon.layerctl("warm", "--format", "json", "all")
            #expect(first.status == 0, "\(first.errors)")
            #expect(try done(first)["fetchedBytes"]?.integer == planned)
            #expect(planned > 500_000, "\(planned)")
            #expect(try done(first)["present"]?.integer == 30)
            scene.hub.log.clear()
            let second = try await scene.daemon.layerctl("warm", "--format", "json", "all")
            #expect(try done(second)["fetchedBytes"]?.integer == 0)
            #expect(scene.hub.log.count { $0.kind == .manifest && $0.method == "GET" } == 0, "it cost allowance")
            let states = try await scene.daemon.get("/layerd/v1/warm")
            #expect(states["entries"]?.array?.count == 30)
            #expect(states["entries"]?.array?.allSatisfy { $0["error"] == .null && $0["digest"] != .null } == true)
            #expect(try await scene.daemon.get("/layerd/v1/why?image=team0/app0")["stays"]?.string == "pinned")
            try scene.verifyAllBlobs()
        }
    }

    @Test func `goes on after a kill, and remembers what it knew`() async throws {
        try await withScene(config: Self.config) { scene in
            try stock(scene)
            let client = try RunningProcess(
                DaemonUnderTest.products + "/layerctl", ["-H", "unix://\(scene.daemon.socket)", "warm", "all"])
            _ = try await client.wait(for: "ten entries") { $0.outputText.contains("[10/30]") ? true : nil }
            try await scene.daemon.kill()
            _ = try await client.exit()
            try await scene.daemon.restart()
            let before = try await scene.daemon.get("/layerd/v1/warm")["entries"]?.array?.count ?? 0
            #expect(before >= 9)
            let again = try await scene.daemon.layerctl("warm", "all")
            #expect(again.status == 0 && again.output.contains("30 of 30 images are here"), "\(again.output)")
            #expect(again.output.contains("app0: was here"))
        }
    }

    @Test func `fails when an entry is not to be had, and brings the others`() async throws {
        try await withScene(config: "[warm.some]\nimages = [\"no/such\", \"shop\"]") { scene in
            let run = try await scene.daemon.layerctl("warm", "some")
            #expect(run.status == 1 && run.errors.contains("no/such"), "\(run.errors)")
            #expect(run.output.contains("1 of 2 images are here"))
            let entries = try await scene.daemon.get("/layerd/v1/warm")["entries"]?.array ?? []
            #expect(entries.first { $0["image"]?.string == "no/such" }?["failures"]?.integer == 1)
            let unknown = try await scene.daemon.layerctl("warm", "No Such List")
            #expect(unknown.status == 1 && unknown.errors.contains("lists: some"), "\(unknown.errors)")
        }
    }

    @Test func `is brought without being asked, and from files`() async throws {
        let directory = try TemporaryDirectory()
        try Files.write("services:\n  a:\n    image: shop:1.*\n", to: directory.path("compose.yaml"))
        let config = "[warm.auto]\nfiles = [\"\(directory.path("compose.yaml"))\"]\nevery = \"1h\""
        try await withScene(config: config) { scene in
            _ = try await scene.daemon.process.wait(for: "the list") { $0.errorText.contains(" warmed ") ? true : nil }
            let images = try await scene.daemon.layerctl("ls")
            #expect(images.output.contains("shop"), "\(images.output)")
            let more = try await scene.daemon.layerctl("warm", "-f", directory.path("compose.yaml"))
            #expect(more.status == 0 && more.output.contains("was here"), "\(more.output) \(more.errors)")
        }
    }

    @Test func `is brought when its schedule comes up, in its window, as fast as it may be`() async throws {
        // Two hours ahead, by the clock that the daemon is given.
        let hour = Int(Date().timeIntervalSince1970) / 3600 % 24
        func clock(_ hour: Int) -> String { (hour % 24 < 10 ? "0" : "") + "\(hour % 24):00" }
        let closed = "\(clock(hour + 2))-\(clock(hour + 3))"
        try await withScene(config: Self.night(closed: closed), environment: ["TZ": "UTC"]) { scene in
            scene.hub.content.add(try ImageFactory(seed: 3).big([1_500_000]), to: "library/big")
            let began = ContinuousClock.now
            let run = try await scene.daemon.layerctl("warm", "--format", "json", "night")
            #expect(run.status == 0, "\(run.errors)")
            // An eighth of a second's worth comes at once.
            #expect(ContinuousClock.now - began > .milliseconds(1_250))
            _ = try await scene.daemon.process.wait(for: "the night") { output in
                output.errorText.contains(" warmed ") && output.errorText.contains("lists=night") ? true : nil
            }
            let state = try await scene.daemon.get("/layerd/v1/warm")
            #expect(state["entries"]?.array?.allSatisfy { $0["list"]?.string == "night" } == true)
            let night = state["lists"]?.array?.first { $0["name"]?.string == "night" }
            #expect(night?["next"]?.string?.hasPrefix("20") == true && night?["bandwidth"]?.integer == 1_000_000)
            try await expectHaste(scene)
        }
    }

    private static func night(closed: String) -> String {
        """
        [warm.night]
        images = ["big"]
        schedule = "*:*:*"
        window = ["00:00-12:00", "12:00-24:00"]
        bandwidth = "1MB"
        [warm.never]
        images = ["shop"]
        every = "1m"
        window = "\(closed)"
        [warm.later]
        images = ["shop"]
        schedule = ["2199-01-01"]
        """
    }

    /// Somebody who waits for what a list brings slowly does not wait as long.
    private func expectHaste(_ scene: Scene) async throws {
        let big = try ImageFactory(seed: 4).big([15_000_000])
        scene.hub.content.add(big, to: "library/big")
        let slow = try RunningProcess(
            DaemonUnderTest.products + "/layerctl", ["-H", "unix://\(scene.daemon.socket)", "warm", "night"])
        try await scene.hub.log.wait(for: "its transfer") { history in
            history.records.contains { $0.path.contains("\(big.manifests[0].layers[0].digest.hex)") }
        }
        let waiting = ContinuousClock.now
        #expect(try await scene.daemon.layerctl("pull", "-q", "big").status == 0)
        #expect(ContinuousClock.now - waiting < .seconds(12))
        #expect(try await slow.exit() == 0)
    }

    private func done(_ result: ProcessResult) throws -> JSON {
        let line = try #require(result.output.split(separator: "\n").last)
        return try JSON(parsing: Array(line.utf8))
    }
}
