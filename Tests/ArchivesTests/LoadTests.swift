import Archives
import Catalogue
import Hashing
import Layers
import OCI
import Pulling
import Storage
import TestSupport
import Testing

@Suite struct `A load` {
    @Test(arguments: [LayerCompression.none, .gzip(), .zstd()])
    func `takes docker's archives, compressed or not`(compression: LayerCompression) async throws {
        let made = DockerTar(try smallRecipe(compression: .none))
        let rig = try await ArchiveRig()
        let told = try await rig.load(Compression.compress(try tar(made.entries()), compression), step: 777)
        let big = try #require(made.layers.last)
        #expect(
            told == [
                "layer \(made.layers[0].diffID.short) 2560/2560", "layer \(big.diffID.short) 32768/\(big.unpackedSize)",
                "layer \(big.diffID.short) \(big.unpackedSize)/\(big.unpackedSize)", "loaded made:1",
            ])
        let image = try #require(try await rig.catalogue.image(named: Reference(parsing: "made:1")))
        #expect(image.unpackedSize == made.layers.reduce(0) { $0 + $1.unpackedSize })
        #expect(try await rig.catalogue.manifests(of: image.id).first?.config?.digest == .sha256(of: made.config))
        try rig.expectNothingStaged()
        // The manifest that is made for it is the same every time, so the round trip is one too.
        let other = try await ArchiveRig()
        try await other.load(try await rig.save("made:1"))
        #expect(try await other.catalogue.image(named: Reference(parsing: "made:1"))?.id == image.id)
    }

    @Test func `takes archives from before docker 1.10`() async throws {
        let recipe = try smallRecipe(compression: .none)
        let layers = recipe.steps.compactMap(\.layer)
        let (low, high) = (String(repeating: "a", count: 64), String(repeating: "b", count: 64))
        let rig = try await ArchiveRig()
        let told = try await rig.load(
            tar([
                .directory(low), .file("\(low)/VERSION", "1.0"), .file("\(low)/layer.tar", layers[0].source),
                .file(
                    "\(low)/json",
                    """
                    {"id":"\(low)","created":"2014-01-01T00:00:00Z","container_config":{"Cmd":["/bin/sh","-c","low"]}}
                    """),
                .directory(high), .file("\(high)/VERSION", "1.0"), .file("\(high)/layer.tar", layers[1].source),
                .file(
                    "\(high)/json",
                    """
                    {"id":"\(high)","parent":"\(low)","created":"2014-02-01T00:00:00Z","os":"linux",
                    "architecture":"amd64","Size":5,"config":{"Cmd":["run"],"Labels":{"old":"yes"}}}
                    """),
                .file("repositories", "{\"old/thing\":{\"1.0\":\"\(high)\"}}"),
            ]))
        #expect(told.last == "loaded old/thing:1.0")
        let image = try #require(try await rig.catalogue.image(named: Reference(parsing: "old/thing:1.0")))
        #expect(image.labels.map(\.key) == ["old"])
        let manifest = try #require(try await rig.catalogue.manifests(of: image.id).first)
        let config = try ImageConfig(
            parsing: await rig.store.read(try #require(manifest.config).digest, limit: 1 << 20))
        #expect(config.diffIDs == layers.map(\.diffID))
        #expect(config.history.map(\.createdBy) == ["/bin/sh -c low", ""])
        #expect(config.raw["id"] == nil && config.raw["Size"] == nil)
    }

    @Test func `follows links within the archive, as old dockers wrote them`() async throws {
        var made = DockerTar(try smallRecipe(compression: .none))
        made.paths[0] = "elsewhere/layer.tar"
        let link = TarEntry.link("elsewhere/layer.tar", to: "../\(made.layers[0].diffID.hex)/layer.tar")
        let rig = try await ArchiveRig()
        #expect(try await rig.load(tar([link] + made.entries())).last == "loaded made:1")
    }

    @Test func `moves a tag, and leaves the old image without it`() async throws {
        let factory = ImageFactory()
        let (old, new) = (factory.image(try smallRecipe("old")), factory.image(try smallRecipe("new")))
        let rig = try await ArchiveRig()
        try await rig.load(try tar(layout([("docker.io/library/nginx:1", old)])))
        let told = try await rig.load(try tar(layout([("docker.io/library/nginx:1", new)])))
        #expect(told.suffix(2) == ["renaming nginx:1 from \(old.digest.short)", "loaded nginx:1"])
        let images = try await rig.catalogue.images()
        #expect(Set(images.map(\.id)) == [old.digest, new.digest])
        #expect(images.first { $0.id == old.digest }?.tags.isEmpty == true)
        let again = try await rig.load(try tar(layout([("docker.io/library/nginx:1", new)])))
        #expect(again == ["loaded nginx:1"], "nothing was renamed, no layer is new")
        // Whoever brings an archive can call anything nginx: a mirror's anonymous clients are not to get it.
        #expect(try await rig.catalogue.names().allSatisfy(\.isPrivate))
    }

    @Test func `takes one platform of several`() async throws {
        let factory = ImageFactory()
        let index = factory.index(
            of: [
                factory.image(try smallRecipe(platform: .linuxAMD64)),
                factory.image(try smallRecipe("other", platform: .linuxARM64)),
            ])
        let archive = try tar(layout([("multi:1", index)]))
        let rig = try await ArchiveRig()
        try await rig.load(archive, platform: .linuxARM64)
        #expect(try await rig.catalogue.manifests(of: index.digest).map(\.available) == [false, true])
        let none = try await ArchiveRig()
        let wanted = Platform(os: "linux", architecture: "s390x")
        let error = await #expect(throws: ArchiveError.self) { try await none.load(archive, platform: wanted) }
        #expect(error?.description.contains("linux/amd64") == true, "\(String(describing: error))")
        try await none.expectNothing()
    }

    @Test func `takes an index of which some platforms are not there`() async throws {
        let factory = ImageFactory()
        let arm = factory.image(try smallRecipe("other", platform: .linuxARM64))
        let index = factory.index(of: [factory.image(try smallRecipe(platform: .linuxAMD64)), arm])
        let missing = Set(arm.documents.map(\.digest.hex))
        let files = layout([("multi:1", index)]).filter { entry in !missing.contains { entry.path.hasSuffix($0) } }
        let rig = try await ArchiveRig()
        try await rig.load(try tar(files))
        #expect(try await rig.catalogue.manifests(of: index.digest).map(\.available) == [true, false])
    }

    @Test func `leaves nothing when the client dies, wherever`() async throws {
        let archive = try tar(layout([("small:1", ImageFactory().image(try smallRecipe()))]))
        for end in [1, 600, 20_000, 150_000, archive.count - 1025, archive.count] {
            let rig = try await ArchiveRig()
            let pieces = Pieces(bytes: Array(archive[..<end]), step: 4096, failure: ClientDied())
            await #expect(throws: ClientDied.self, "after \(end) bytes") { try await rig.loader.load(pieces) { _ in } }
            try await rig.expectNothing("after \(end) bytes")
        }
    }

    @Test func `waits for none, and lets none wait, when an archive stops coming`() async throws {
        let archive = try tar(layout([("small:1", ImageFactory().image(try smallRecipe()))]))
        let rig = try await ArchiveRig()
        #expect(try await rig.load(archive, step: 1 << 20).last == "loaded small:1")
        let loading = Task {
            try await rig.loader.load(Pieces(bytes: archive, step: 3)) { _ in }
        }
        loading.cancel()
        _ = await loading.result
        try rig.expectNothingStaged()
    }
}
