import Catalogue
import Coordination
import Hashing
import Layers
import OCI
import Storage
import TestSupport
import Testing

@testable import Pulling

/// A store and a catalogue in memory, images in them as a pull would leave them, and the checker.
private struct CheckRig {
    let store = MemoryContentStore()
    let catalogue: Catalogue
    let collector: Collector
    let events = ImageEventLog { Timestamp(seconds: 0) }
    let checker: LayerChecker
    let reported = Locked<[(Digest, String)]>([])

    init(_ change: (inout LayerChecker.Limits) -> Void = { _ in }) async throws {
        catalogue = try await Catalogue.open(path: nil) { Timestamp(seconds: 0) }
        collector = Collector(store: store, catalogue: catalogue) { _ in }
        var limits = LayerChecker.Limits()
        limits.rate = nil
        change(&limits)
        checker = LayerChecker(
            catalogue: catalogue, store: store, events: events, limits: limits
        ) { [reported] image, problem in reported.withLock { $0.append((image, problem)) } }
    }

    func add(_ image: GeneratedImage, _ name: String) async throws {
        for blob in image.documents + image.blobs {
            let bytes = try blob.source.readAll()
            try await store.ingest(blob.descriptor) { writer in try writer.append(bytes.span.bytes) }
        }
        var blobs = image.documents.map { BlobEntry(descriptor: $0.descriptor, role: .manifest) }
        for manifest in image.manifests {
            blobs.append(BlobEntry(descriptor: manifest.config.descriptor, role: .config))
            // A pull enters what the config claims.
            blobs += manifest.layers.map { BlobEntry(descriptor: $0.descriptor, role: .layer, diffID: $0.diffID) }
        }
        var seen = Set<Digest>()
        try await catalogue.record(
            ImageEntry(
                target: image.target,
                manifests: image.manifests.map {
                    ManifestEntry(
                        descriptor: $0.document.descriptor, kind: .image, available: true,
                        config: $0.config.descriptor, layers: $0.layers.map(\.descriptor))
                }, blobs: blobs.filter { seen.insert($0.descriptor.digest).inserted }),
            named: [Reference(parsing: name)])
    }

    func summary(_ name: String) async throws -> ImageSummary? {
        try await catalogue.image(named: Reference(parsing: name))
    }
}

private func recipe(_ text: String, _ compression: LayerCompression = .gzip()) throws -> ImageRecipe {
    let factory = ImageFactory(compression: compression)
    return ImageRecipe(steps: [
        ImageStep("COPY base", try factory.layer([.file("base", "the same in all")])),
        ImageStep("COPY top", try factory.layer([.file("top", text)])),
    ])
}

@Suite struct `A layer check` {
    @Test(arguments: [LayerCompression.gzip(), .zstd(), .none])
    func `finds what good layers are, and how long`(compression: LayerCompression) async throws {
        let rig = try await CheckRig()
        let recipe = try recipe("good", compression)
        let image = ImageFactory().image(recipe)
        try await rig.add(image, "good:1")
        #expect(try await rig.summary("good:1")?.unpackedSize == nil)
        #expect(try await rig.catalogue.checkTotals() == CheckTotals(uncheckedLayers: 2, problems: 0))
        try await rig.checker.checkAll()
        let layers = recipe.steps.compactMap(\.layer)
        #expect(try await rig.summary("good:1")?.unpackedSize == layers.reduce(0) { $0 + $1.unpackedSize })
        #expect(try await rig.catalogue.problem(of: image.digest) == nil)
        #expect(try await rig.catalogue.checkTotals() == CheckTotals(uncheckedLayers: 0, problems: 0))
        #expect(rig.reported.withLock { $0.isEmpty })
    }

    @Test func `marks the image whose config lies, says so once, and not the other that shares its layers`()
        async throws
    {
        let rig = try await CheckRig()
        let factory = ImageFactory()
        let (good, other) = (factory.image(try recipe("good")), factory.image(try recipe("other")))
        let liar = factory.manifest(of: other.manifests[0].config, layers: good.manifests[0].layers)
        try await rig.add(liar, "liar:1")
        try await rig.add(good, "good:1")
        try await rig.checker.checkAll()
        let problem = try #require(try await rig.catalogue.problem(of: liar.digest))
        #expect(problem.contains("layer 1 (\(good.manifests[0].layers[1].digest)) unpacks to"), "\(problem)")
        #expect(try await rig.catalogue.problem(of: good.digest) == nil)
        #expect(rig.reported.withLock { $0.map(\.0) } == [liar.digest])
        try await rig.checker.checkAll()
        #expect(rig.reported.withLock { $0.count } == 1, "it is no news any more")
        #expect(rig.events.subscribe().history.map(\.happening) == [.mismatched(liar.digest, problem: problem)])
    }

    @Test func `marks what cannot be unpacked, and bombs`() async throws {
        let rig = try await CheckRig { $0.inflate.harmless = 1 << 20 }
        let factory = ImageFactory()
        let image = factory.image(try recipe("good")).manifests[0]
        let cut = GeneratedBlob(
            document: Array(try image.layers[1].source.readAll().dropLast(9)), mediaType: .ociLayerGzip)
        try await rig.add(factory.manifest(of: image.config, layers: [image.layers[0], cut]), "cut:1")
        let zeros = try ImageFactory(compression: .zstd()).layer([
            .file("zeros", BytesSource([UInt8](repeating: 0, count: 4 << 20)))
        ])
        try await rig.add(factory.image(ImageRecipe(steps: [ImageStep("ADD", zeros)])), "bomb:1")
        try await rig.checker.checkAll()
        let problems = try await rig.catalogue.problems().map(\.problem)
        #expect(problems.count == 2)
        #expect(problems[0].contains("cut short"), "\(problems)")
        #expect(problems[1].contains("decompression bomb"), "\(problems)")
    }

    @Test func `inflates a layer once for all images, also for those that come later`() async throws {
        let rig = try await CheckRig()
        let factory = ImageFactory()
        try await rig.add(factory.image(try recipe("one")), "one:1")
        try await rig.checker.checkAll()
        try await rig.add(factory.image(try recipe("two")), "two:1")
        #expect(try await rig.catalogue.uncheckedLayers(limit: 9).count == 1, "the base is known")
        try await rig.checker.checkAll()
        #expect(try await rig.summary("two:1")?.unpackedSize != nil)
    }

    /// What is skipped at the front hides nothing behind it, and no image that can be judged waits for one that cannot.
    @Test func `gets past a hundred layers that cannot be had`() async throws {
        let rig = try await CheckRig()
        let factory = ImageFactory()
        for number in 0..<100 {
            let image = factory.image(try recipe("gone \(number)"))
            try await rig.add(image, "gone:\(number)")
            let layer = image.manifests[0].layers[1]
            rig.store.plant(Array("rotten".utf8), under: layer.digest)
        }
        try await rig.add(factory.image(try recipe("good")), "good:1")
        try await rig.checker.checkAll()
        #expect(try await rig.summary("good:1")?.unpackedSize != nil)
        #expect(try await rig.catalogue.unjudgedImage() == nil)
        #expect(try await rig.catalogue.uncheckedLayers(limit: 999).count == 100)
        try await rig.add(factory.image(try recipe("later")), "later:1")
        try await rig.checker.checkAll()
        #expect(try await rig.summary("later:1")?.unpackedSize != nil)
    }

    @Test func `learns nothing from bytes that rotted`() async throws {
        let rig = try await CheckRig()
        let image = ImageFactory().image(try recipe("rot"))
        try await rig.add(image, "rot:1")
        let layer = image.manifests[0].layers[1]
        var bytes = try layer.source.readAll()
        bytes[20] ^= 1
        rig.store.plant(bytes, under: layer.digest)
        try await rig.checker.checkAll()
        #expect(try await rig.catalogue.problem(of: image.digest) == nil)
        #expect(try await rig.catalogue.uncheckedLayers(limit: 9).map(\.digest) == [layer.digest])
    }

    @Test func `leaves artifacts alone`() async throws {
        let rig = try await CheckRig()
        let config = GeneratedBlob(document: Array("{}".utf8), mediaType: .ociEmpty)
        let layer = GeneratedBlob(document: Array("no tar".utf8), mediaType: MediaType("application/vnd.thing"))
        let artifact = ImageFactory().manifest(of: config, layers: [layer])
        try await rig.add(artifact, "artifact:1")
        try await rig.checker.checkAll()
        #expect(try await rig.catalogue.problem(of: artifact.digest) == nil)
        #expect(try await rig.catalogue.unjudgedImage() == nil)
    }

    @Test func `goes on by itself when an image comes, and ends when it is cancelled`() async throws {
        let rig = try await CheckRig { $0.interval = .seconds(3600) }
        let running = Task { try await rig.checker.run() }
        let image = ImageFactory().image(try recipe("late"))
        try await rig.add(image, "late:1")
        while try await rig.summary("late:1")?.unpackedSize == nil {
            // Whether it listens already nobody can see from here, so it is told until it has heard.
            rig.events.post(.pulled(try Reference(parsing: "late:1"), labels: [:]))
            await Task.yield()
        }
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
    }

    @Test func `is cut off in the middle of a layer`() async throws {
        let rig = try await CheckRig { $0.rate = 1 }
        try await rig.add(ImageFactory().image(try recipe("slow")), "slow:1")
        let checking = Task { try await rig.checker.checkAll() }
        checking.cancel()
        await #expect(throws: CancellationError.self) { try await checking.value }
        #expect(try await rig.catalogue.uncheckedLayers(limit: 9).count == 2)
    }
}
