import OCI
import TestSupport
import Testing

@Suite(.serialized) struct `The daemon` {
    @Test func `knows after a restart what it knew before`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
            let before = try await scene.daemon.get("/v1.50/system/df")
            #expect(try await scene.daemon.stop() == 0)
            try await scene.daemon.restart()
            #expect(try await scene.daemon.get("/v1.50/system/df") == before)
            let again = try await scene.daemon.layerctl("pull", "shop")
            #expect(again.errors.hasPrefix("fetched 0B"))
        }
    }

    @Test func `goes on after SIGKILL with the bytes it had`() async throws {
        try await withScene { scene in
            let size = 30_000_000
            let big = try ImageFactory(seed: 9).big([size])
            scene.hub.content.add(big, to: "library/big")
            let layer = big.manifests[0].layers[0]
            scene.hub.misbehave(on: .cdn(layer.digest), .first, .stall(after: 25_000_000))
            let client = try RunningProcess(
                DaemonUnderTest.products + "/layerctl", ["-H", "unix://\(scene.daemon.socket)", "pull", "big"])
            try await scene.hub.log.wait(for: "25 MB") { history in
                history.records.contains { $0.kind == .cdn && $0.bytesSent >= 25_000_000 }
            }
            // What the stand-in has sent is in the daemon's hands once the kernel's buffers have drained into it.
            try await wait(for: "the ingest to hold most of it") {
                let data = scene.daemon.state + "/ingest/sha256-\(layer.digest.hex)/data"
                return (Files.size(data) ?? 0) >= 18_000_000
            }
            try await scene.daemon.kill()
            #expect(try scene.daemon.blobs()[layer.digest] == nil)
            scene.hub.log.clear()
            try await scene.daemon.restart()
            // The command waits for the next daemon, and has it go on.
            #expect(try await client.exit() == 0, "\(client.state.errorText)")
            #expect(client.state.errorText.contains("goes on when it is back"))
            #expect(scene.hub.log.bytesSent(.cdn) < 15_000_000, "it began again from the start")
            try scene.verifyAllBlobs()
        }
    }

    @Test func `is waited for by a pull only as long as wanted, and not when it was never there`() async throws {
        try await withScene { scene in
            scene.hub.misbehave(on: .cdn(), .always, .stall(after: 0))
            func pull(wait: String) throws -> RunningProcess {
                try RunningProcess(
                    DaemonUnderTest.products + "/layerctl",
                    ["-H", "unix://\(scene.daemon.socket)", "pull", "--wait", wait, "shop"])
            }
            let clients = try [pull(wait: "0"), pull(wait: "1")]
            for client in clients {
                _ = try await client.wait(for: "its pull") { $0.outputText.contains("Pulling from") ? true : nil }
            }
            try await scene.daemon.kill()
            #expect(try await clients[0].exit() == 1)
            #expect(clients[0].state.errorText.contains("layerd ended before its answer did"))
            #expect(try await clients[1].exit() == 3)
            #expect(try await pull(wait: "60").exit() == 3)
        }
    }

    @Test func `lets only one of it use a state directory`() async throws {
        try await withScene { scene in
            let second = try await runProcess(
                DaemonUnderTest.products + "/layerd",
                ["--state-dir", scene.daemon.state, "--socket", scene.daemon.directory.path("second.sock")])
            #expect(second.status == 1)
            #expect(second.errors.contains(scene.daemon.state), "\(second.errors)")
        }
    }

    @Test func `leaves no socket behind when it stops`() async throws {
        let daemon = try await DaemonUnderTest.start()
        #expect(Files.size(daemon.socket) != nil)
        #expect(try await daemon.stop() == 0)
        #expect(Files.size(daemon.socket) == nil)
    }

    @Test func `makes the directory of its socket, or says why it cannot`() async throws {
        let directory = try TemporaryDirectory("layerd-it")
        let arguments = ["--state-dir", directory.path("state"), "--socket"]
        let process = try RunningProcess(
            DaemonUnderTest.products + "/layerd", arguments + [directory.path("run/deeper/l.sock")])
        _ = try await process.wait(for: "readiness") { $0.errorText.contains(" ready ") ? true : nil }
        #expect(try await process.stop() == 0)
        try Files.write("in the way", to: directory.path("file"))
        let refused = try await runProcess(
            DaemonUnderTest.products + "/layerd", arguments + [directory.path("file/l.sock")])
        #expect(refused.status == 1)
        #expect(refused.errors.contains(directory.path("file")), "\(refused.errors)")
    }

    @Test func `refuses a configuration with file, line and key`() async throws {
        let directory = try TemporaryDirectory("layerd-it")
        let file = directory.path("layerd.toml")
        try Files.write("[pull]\nmax-conections = 3\n", to: file)
        for arguments in [["--check-config"], ["--state-dir", directory.path("state")]] {
            let result = try await runProcess(
                DaemonUnderTest.products + "/layerd", ["--config", file] + arguments)
            #expect(result.status == 1)
            #expect(result.errors.contains("\(file):2: [pull] max-conections: unknown key"), "\(result.errors)")
        }
    }

    @Test func `that is not there makes layerctl end with 3`() async throws {
        let directory = try TemporaryDirectory("layerd-it")
        let result = try await runProcess(
            DaemonUnderTest.products + "/layerctl", ["-H", "unix://\(directory.path("none.sock"))", "ls"])
        #expect(result.status == 3)
        #expect(result.errors.contains("none.sock"))
    }

    /// Looks again until it holds, for what no event tells.
    private func wait(for what: String, _ holds: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while !holds() {
            guard ContinuousClock.now < end else { throw StandInError.timedOut(what) }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

@Suite(.serialized) struct `The daemon's memory` {
    @Test func `stays below 64 MB while 600 MB are pulled`() async throws {
        try await withScene({ $0.tls = false }) { scene in
            let directory = try TemporaryDirectory("layerd-big")
            let sizes = [
                300_000_000, 120_000_000, 60_000_000, 40_000_000, 30_000_000, 20_000_000, 20_000_000, 10_000_000,
            ]
            let big = try ImageFactory(seed: 5, directory: directory).big(sizes)
            scene.hub.content.add(big, to: "library/big")
            let pull = try await scene.daemon.layerctl("pull", "big", timeout: .seconds(300))
            #expect(pull.status == 0, "\(pull.errors)")
            let peak = try scene.daemon.peakMemory()
            // Of a debug build, which is larger than an optimised one.
            #expect(peak < 64_000_000, "\(peak) bytes")
            #expect(try await scene.daemon.get("/system/df")["LayersSize"]?.integer == big.size)
        }
    }
}
