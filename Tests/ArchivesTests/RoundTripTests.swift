import Archives
import Catalogue
import Coordination
import Glibc
import OCI
import Pulling
import Storage
import TestSupport
import Testing

@Suite struct `A save` {
    @Test(arguments: [LayerCompression.gzip(), .zstd(), .none])
    func `comes back by load as what it was, and saves to the same bytes`(compression: LayerCompression) async throws {
        let image = ImageFactory().image(try smallRecipe(compression: compression))
        let source = try await ArchiveRig()
        let told = try await source.load(try tar(layout([("docker.io/library/small:1", image)])))
        #expect(told.suffix(1) == ["loaded small:1"])
        #expect(try await source.catalogue.image(named: Reference(parsing: "small:1"))?.id == image.digest)

        let first = try await source.save("small:1")
        let target = try await ArchiveRig()
        #expect(try await target.load(first, step: 1000).last == "loaded small:1")
        #expect(try await target.catalogue.image(named: Reference(parsing: "small:1"))?.id == image.digest)
        let blobs = try await target.store.blobs().map(\.digest)
        #expect(Set(blobs) == Set((image.documents + image.blobs).map(\.digest)))
        let second = try await target.save("small:1")
        #expect(first == second)
    }

    @Test func `holds an index with all that is here of it`() async throws {
        let factory = ImageFactory()
        let index = factory.index(
            of: [
                factory.image(try smallRecipe(platform: .linuxAMD64)),
                factory.image(try smallRecipe("other", platform: .linuxARM64)),
            ], attestations: true)
        let rig = try await ArchiveRig()
        try await rig.load(try tar(layout([("multi:1", index)])))
        let saved = try await rig.save("multi")
        let other = try await ArchiveRig()
        #expect(try await other.load(saved).last == "loaded multi:1")
        let manifests = try await other.catalogue.manifests(of: index.digest)
        #expect(manifests.map(\.available) == [true, true, true, true])
        #expect(manifests.map(\.kind) == [.image, .image, .attestation, .attestation])

        let one = try await rig.save("multi:1", platform: .linuxARM64)
        #expect(one.count < saved.count)
        let arm = try await ArchiveRig()
        try await arm.load(one)
        let id = try await arm.catalogue.image(named: Reference(parsing: "multi:1"))?.id
        #expect(id == index.manifest(for: .linuxARM64)?.document.digest)
        await #expect(throws: ArchiveError.self) {
            try await rig.save("multi:1", platform: Platform(os: "linux", architecture: "s390x"))
        }
    }

    @Test func `reads names as docker does, and has shared blobs once`() async throws {
        let factory = ImageFactory()
        let (one, two) = (factory.image(try smallRecipe("one")), factory.image(try smallRecipe("two")))
        let rig = try await ArchiveRig()
        try await rig.load(try tar(layout([("a:1", one), ("a:2", two), ("b:1", one)])))
        func listed(_ names: String...) async throws -> [String] {
            let plan = try await rig.saver.plan(names)
            var bytes: [UInt8] = []
            try await rig.saver.write(plan) { bytes += $0 }
            let other = try await ArchiveRig()
            return try await other.load(bytes).filter { $0.hasPrefix("loaded") }
        }
        #expect(try await listed("a:1") == ["loaded a:1"])
        #expect(try await listed("a") == ["loaded a:1", "loaded a:2"], "a file twice would be refused")
        #expect(try await listed("a:1", "b:1", "a:1") == ["loaded a:1", "loaded b:1"])
        #expect(try await listed(one.digest.description) == ["loaded by ID"])
        #expect(try await listed(String(two.digest.hex.prefix(12))) == ["loaded by ID"])
        await #expect(throws: CatalogueError.noSuchImage("nope:latest")) { try await rig.save("nope") }
        await #expect(throws: ArchiveError.nothingToSave) { try await rig.saver.plan([]) }
    }

    @Test func `stops without an end mark when a blob has rotted`() async throws {
        let image = ImageFactory().image(try smallRecipe())
        let rig = try await ArchiveRig()
        try await rig.load(try tar(layout([("small:1", image)])))
        let layer = try #require(image.blobs.max { $0.descriptor.size < $1.descriptor.size })
        let path = rig.directory.path("store/blobs/sha256/\(layer.digest.hex)")
        var bytes = try Files.read(path)
        bytes[bytes.count / 2] ^= 1
        try Files.write(bytes, to: path)

        let plan = try await rig.saver.plan(["small:1"])
        var sent: [UInt8] = []
        await #expect(throws: (any Error).self) { try await rig.saver.write(plan) { sent += $0 } }
        #expect(!sent.isEmpty && Int64(sent.count) < plan.size)
        let other = try await ArchiveRig()
        await #expect(throws: (any Error).self) { try await other.load(sent) }
        try await other.expectNothing()
    }

    /// Its file looked as it should when it was opened: only the hash can tell.
    @Test func `stops before the last bytes of a blob that rots meanwhile`() async throws {
        let image = try ImageFactory().big([3_000_000])
        let rig = try await ArchiveRig()
        try await rig.load(try tar(layout([("big:1", image)])))
        let layer = try #require(image.blobs.max { $0.descriptor.size < $1.descriptor.size })
        let path = rig.directory.path("store/blobs/sha256/\(layer.digest.hex)")
        let plan = try await rig.saver.plan(["big:1"])
        let file = open(path, O_RDWR | O_CLOEXEC)
        defer { close(file) }
        let (rotten, sent) = (Locked(false), Locked<Int64>(0))
        await #expect(throws: (any Error).self) {
            try await rig.saver.write(plan) { piece in
                sent.withLock { $0 += Int64(piece.count) }
                // The first of the layer's pieces.
                guard piece.count > 100_000, !rotten.withLock({ $0 }) else { return }
                rotten.withLock { $0 = true }
                #expect(pwrite(file, [7, 7, 7], 3, off_t(layer.descriptor.size - 3)) == 3)
            }
        }
        #expect(rotten.withLock { $0 } && sent.withLock { $0 } < plan.size)
    }

    @Test func `keeps what it is saving from removal`() async throws {
        let image = ImageFactory().image(try smallRecipe())
        let rig = try await ArchiveRig()
        try await rig.load(try tar(layout([("small:1", image)])))
        let plan = try await rig.saver.plan(["small:1"])
        let removed = try await rig.collector.remove(
            names: [Reference(parsing: "small:1")], images: [image.digest])
        #expect(removed.bytes == 0, "all of it is held")
        var bytes: [UInt8] = []
        try await rig.saver.write(plan) { bytes += $0 }
        #expect(try await ArchiveRig().load(bytes).last == "loaded small:1")
        #expect(try await rig.store.blobs().isEmpty, "gone once the save was done")
    }

    @Test func `and a load are told as events`() async throws {
        let image = ImageFactory().image(try smallRecipe())
        let rig = try await ArchiveRig()
        try await rig.load(try tar(layout([("small:1", image)])))
        _ = try await rig.save("small:1")
        #expect(
            rig.events.subscribe().history.map(\.happening) == [
                .loaded(image.digest, labels: [:]), .saved(image.digest, labels: [:]),
            ])
    }
}
