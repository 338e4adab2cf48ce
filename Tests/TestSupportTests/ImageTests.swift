import Hashing
import OCI
import TestSupport
import Testing

private func bytes(of layer: GeneratedBlob) throws -> [UInt8] {
    let stored = try layer.source.readAll()
    return switch layer.descriptor.mediaType {
    case .ociLayerGzip, .dockerLayerGzip: try Compression.gunzip(stored)
    case .ociLayerZstd, .dockerLayerZstd: try Compression.unzstd(stored)
    default: stored
    }
}

@Suite struct `A generated image` {
    @Test(arguments: [LayerCompression.none, .gzip(), .gzip(level: 0), .zstd()], [ImageFormat.oci, .docker])
    func `has layers whose tars are their diffIDs`(compression: LayerCompression, format: ImageFormat) throws {
        let factory = ImageFactory(compression: compression)
        let image = try factory.application("shop", on: factory.baseShared(), format: format)
        let config = try ImageConfig(parsing: image.manifests[0].config.source.readAll())
        let layers = image.manifests[0].layers
        #expect(layers.count == 8)
        #expect(config.diffIDs == layers.compactMap(\.diffID))
        #expect(config.history.count { !$0.emptyLayer } == layers.count)
        for layer in layers {
            #expect(layer.digest.matches(try layer.source.readAll()))
            #expect(layer.diffID?.matches(try bytes(of: layer)) == true)
        }
    }

    @Test func `has tars that tar reads`() async throws {
        let factory = ImageFactory()
        let deep = (0..<12).map { "directory-\($0)" }.joined(separator: "/")
        let layer = try factory.layer([
            .file("a.txt", "text\n"), .link("b", to: "a.txt"), .whiteout("x/gone"), .directory("d"),
            TarEntry("c", .hardLink("a.txt"), mode: 0o644), .file("\(deep)/f", factory.noise("f", bytes: 1_000)),
        ])
        let listed = try await runChecked("tar", ["-tzvf", "-"], stdin: layer.source.readAll())
        let names = listed.output.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst(5).first }
        #expect(names == ["a.txt", "b", "x/.wh.gone", "d/", "c", "\(deep)/f"])
        #expect(listed.output.contains("b -> a.txt"))
        let read = try await runChecked("tar", ["-xzOf", "-", "\(deep)/f"], stdin: layer.source.readAll())
        #expect(read.stdout == factory.noise("f", bytes: 1_000).read(at: 0, count: 1_000))
    }

    @Test func `is the same for the same seed and another for another`() throws {
        let digest = { (seed: UInt64) in
            let factory = ImageFactory(seed: seed)
            return try factory.webPing(on: factory.baseShared()).digest
        }
        #expect(try digest(1) == digest(1))
        #expect(try digest(1) != digest(2))
    }

    @Test func `shares its base with the others on it`() throws {
        let factory = ImageFactory()
        let base = try factory.baseShared()
        let images = [try factory.webPing(on: base), try factory.application("shop", on: base)]
        let shared = Set(images[0].blobs.map(\.digest)).intersection(images[1].blobs.map(\.digest))
        #expect(shared == Set(factory.image(base).manifests[0].layers.map(\.digest)))
    }

    @Test func `is shaped like the web-ping of the book`() throws {
        let factory = ImageFactory()
        let image = try factory.webPing(on: factory.baseShared())
        let config = try ImageConfig(parsing: image.manifests[0].config.source.readAll())
        let environment = config.config?["Env"]?.array?.compactMap(\.string) ?? []
        #expect(environment.contains("METHOD=HEAD") && environment.contains("INTERVAL=3000"))
        #expect(environment.contains { $0.hasPrefix("TARGET=") })
        #expect(config.config?["WorkingDir"]?.string == "/web-ping")
        #expect(config.config?["Cmd"]?.array == ["node", "/web-ping/app.js"])
    }

    @Test func `has an index of platforms and attestations`() throws {
        let factory = ImageFactory()
        let image = try factory.multiPlatform { try factory.webPing(on: $0) }
        let index = try JSON(parsing: image.document.source.readAll())["manifests"]?.array ?? []
        #expect(
            index.map { $0["platform"]?["architecture"]?.string } == ["amd64", "arm64", "arm"]
                + [String?](repeating: "unknown", count: 3))
        #expect(index.map { $0["platform"]?["variant"]?.string }.prefix(3) == [nil, "v8", "v7"])
        for (entry, manifest) in zip(index.suffix(3), index.prefix(3)) {
            #expect(entry["annotations"]?["vnd.docker.reference.digest"] == manifest["digest"])
        }
        #expect(image.manifests.map(\.isAttestation) == [false, false, false, true, true, true])
        // The script is the same on every platform: one blob for three images.
        let last = Set(image.manifests.prefix(3).compactMap { $0.layers.last?.digest })
        #expect(last.count == 1)
    }

    @Test func `keeps a big layer on disk and its noise incompressible`() throws {
        let directory = try TemporaryDirectory()
        let factory = ImageFactory(directory: directory)
        let image = try factory.big([20_000_000])
        #expect(try Files.list(directory.path).count == 1)
        #expect(image.manifests[0].layers[0].descriptor.size > 20_000_000)
        let noise = factory.noise("n", bytes: 3_000_000).read(at: 0, count: 3_000_000)
        for compression in [LayerCompression.gzip(), .zstd()] {
            #expect(try Compression.compress(noise, compression).count > 2_850_000)
        }
        let skipped = factory.noise("n", bytes: 3_000_000).read(at: 1_234_567, count: 200_000)
        #expect(skipped == Array(noise[1_234_567..<1_434_567]))
    }

    @Test(.enabled(if: which("skopeo") != nil, "skopeo is not installed"))
    func `is a layout that skopeo inspects and copies`() async throws {
        let directory = try TemporaryDirectory()
        let factory = ImageFactory()
        let image = try factory.webPing(on: factory.baseShared())
        let multi = try factory.multiPlatform { try factory.webPing(on: $0) }
        try LayoutWriter.write([("one", image), ("multi", multi)], to: directory.path("layout"))
        let seen = try await runChecked("skopeo", ["inspect", "oci:\(directory.path("layout")):one"])
        #expect(try JSON(parsing: seen.stdout)["Digest"]?.string == image.digest.description)
        let policy = ["copy", "--insecure-policy"]
        try await runChecked(
            "skopeo", policy + ["oci:\(directory.path("layout")):one", "dir:\(directory.path("one"))"])
        #expect(Digest.sha256(of: try Files.read(directory.path("one/manifest.json"))) == image.digest)
        let all = policy + ["--all", "oci:\(directory.path("layout")):multi", "dir:\(directory.path("multi"))"]
        try await runChecked("skopeo", all)
        #expect(Digest.sha256(of: try Files.read(directory.path("multi/manifest.json"))) == multi.digest)
    }
}
