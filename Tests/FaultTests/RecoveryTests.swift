import FoundationEssentials
import OCI
import TestSupport
import Testing

@Suite(.serialized) struct `A start` {
    @Test(.enabled(if: installed("strace")))
    func `after an orderly stop reads no directory of the store and no blob`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
            #expect(try await scene.daemon.stop() == 0)
            #expect(Files.size(scene.daemon.state + "/clean") != nil)
            let trace = scene.daemon.directory.path("trace")
            let process = try RunningProcess(
                "strace",
                [
                    "-f", "-qq", "-y", "-s", "200", "-o", trace, "-e",
                    "trace=getdents64,openat,open,clone,clone3,write",
                    DaemonUnderTest.products + "/layerd", "--state-dir", scene.daemon.state, "--socket",
                    scene.daemon.socket,
                ])
            _ = try await process.wait(for: "readiness") { $0.errorText.contains(" ready ") ? true : nil }
            // What looks after the store begins once it is ready.
            let seen = String(decoding: try Files.read(trace), as: UTF8.self).split(separator: "\n")
                .prefix { !($0.contains("write(2<") && $0.contains(" ready ")) }
            try await process.stop()
            #expect(!seen.isEmpty)
            #expect(seen.filter { $0.contains("getdents") && $0.contains(scene.daemon.state) } == [])
            #expect(seen.filter { $0.contains("/blobs/sha256/") } == [], "a blob was opened")
        }
    }

    @Test func `after SIGKILL settles the catalogue with the files, and a pull mends what is missing`() async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
            let full = try await scene.daemon.get("/system/df")["LayersSize"]
            let layers = scene.shop.manifests[0].layers.map(\.digest)
            try await scene.daemon.kill()
            try #require(layers.count >= 3)
            try FileManager.default.removeItem(atPath: scene.daemon.blobPath(layers[0]))
            try Files.write("half", to: scene.daemon.blobPath(layers[1]) + "x")
            try FileManager.default.removeItem(atPath: scene.daemon.blobPath(layers[1]))
            try Files.write("not it", to: scene.daemon.blobPath(layers[1]))
            try await scene.daemon.restart()
            let text = scene.daemon.process.state.errorText
            #expect(text.contains("\(layers[0])") && text.contains("\(layers[1])"), "\(text)")
            #expect(!text.contains("\(layers[2])"))
            let left = try await scene.daemon.get("/system/df")["LayersSize"]?.integer ?? 0
            let lost =
                scene.shop.manifests[0].layers[0].descriptor.size + scene.shop.manifests[0].layers[1].descriptor.size
            #expect(left == (full?.integer ?? 0) - lost)
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
            #expect(try await scene.daemon.get("/system/df")["LayersSize"] == full)
            try FileManager.default.removeItem(atPath: scene.daemon.blobPath(layers[1]) + "x")
            try scene.verifyAllBlobs()
        }
    }

    @Test(arguments: Loss.allCases)
    func `without a whole catalogue rebuilds it, pins included, and says so`(loss: Loss) async throws {
        try await withScene { scene in
            #expect(try await scene.daemon.layerctl("pull", "-q", "shop").status == 0)
            #expect(try await scene.daemon.layerctl("pull", "-q", "diamol/ch03-web-ping").status == 0)
            let before = try await facts(scene.daemon)
            try await loss == .bitFlip ? scene.daemon.kill() : { _ = try await scene.daemon.stop() }()
            try loss.befall(scene.daemon.state + "/catalog.sqlite")
            if loss == .forced {
                let result = try await runProcess(
                    DaemonUnderTest.products + "/layerd",
                    ["--rebuild-catalog", "--state-dir", scene.daemon.state])
                #expect(result.status == 0, "\(result.errors)")
                #expect(result.errors.contains("rebuil"))
                try await scene.daemon.restart()
            } else {
                try await scene.daemon.restart()
                #expect(scene.daemon.process.state.errorText.contains("warning rebuilding the catalogue"))
            }
            #expect(try await facts(scene.daemon) == before)
            scene.hub.log.clear()
            #expect(try await scene.daemon.layerctl("pull", "shop").errors.hasPrefix("fetched 0B"))
        }
    }

    enum Loss: CaseIterable {
        case removed, emptied, noDatabase, bitFlip, forced

        func befall(_ path: String) throws {
            switch self {
            case .removed: try FileManager.default.removeItem(atPath: path)
            case .emptied: try Files.write("", to: path)
            case .noDatabase: try Files.write(String(repeating: "no database ", count: 1000), to: path)
            case .bitFlip:
                for suffix in ["-wal", "-shm"] where Files.size(path + suffix) != nil {
                    try FileManager.default.removeItem(atPath: path + suffix)
                }
                var bytes = try Files.read(path)
                for place in stride(from: 4096, to: bytes.count, by: 4096) { bytes[place] ^= 0x40 }
                try Files.write(bytes, to: path)
            case .forced: break
            }
        }
    }

    /// What lists say, without times that a rebuild cannot know.
    private func facts(_ daemon: DaemonUnderTest) async throws -> [String] {
        let images = try await daemon.get("/v1.50/images/json?shared-size=1").array ?? []
        let names = images.map { image in
            "\(image["Id"]?.string ?? "") \(image["RepoTags"]?.array ?? []) \(image["Size"]?.integer ?? -1) "
                + "\(image["SharedSize"]?.integer ?? -1) \(image["Created"]?.integer ?? -1)"
        }
        return try names.sorted() + ["\(await daemon.get("/system/df")["LayersSize"]?.integer ?? -1)"]
    }
}
