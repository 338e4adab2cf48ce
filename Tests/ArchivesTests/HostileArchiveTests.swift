import Archives
import Hashing
import Layers
import OCI
import TestSupport
import Testing

/// Archives that must be refused as a whole, with one error, and leave nothing behind.
struct HostileArchive: Sendable, CustomTestStringConvertible {
    let what: String
    /// Part of the sentence that says why.
    let reason: String
    let bytes: @Sendable () throws -> [UInt8]
    var testDescription: String { what }

    init(_ what: String, _ reason: String, _ bytes: @escaping @Sendable () throws -> [UInt8]) {
        self.what = what
        self.reason = reason
        self.bytes = bytes
    }
}

private func docker(_ change: (inout DockerTar, inout [TarEntry]) throws -> Void) throws -> [UInt8] {
    var made = DockerTar(try smallRecipe(compression: .none))
    var extra: [TarEntry] = []
    try change(&made, &extra)
    return try tar(made.entries() + extra)
}

private func raw(_ members: [TarMember]) throws -> [UInt8] {
    let body = try docker { _, _ in }
    return members.flatMap { TarEncoder.header($0) } + body
}

private func oci(_ change: (inout GeneratedImage, inout [TarEntry]) throws -> Void) throws -> [UInt8] {
    var image = ImageFactory().image(try smallRecipe())
    var extra: [TarEntry] = []
    try change(&image, &extra)
    return try tar(layout([("made:1", image)]) + extra)
}

private func without(_ part: (GeneratedImage) -> Digest) throws -> [UInt8] {
    let image = ImageFactory().image(try smallRecipe())
    return try tar(layout([("made:1", image)]).filter { !$0.path.hasSuffix(part(image).hex) })
}

private let hostileEntries: [HostileArchive] = [
    .init("a path upwards", "leads out") { try docker { $1 = [.file("../x", "x")] } },
    .init("a path upwards in the middle", "leads out") { try docker { $1 = [.file("a/../../x", "x")] } },
    .init("an absolute path", "leads out") { try docker { $1 = [.file("/etc/x", "x")] } },
    .init("a link to /etc", "leads out") { try docker { $1 = [.link("l", to: "/etc")] } },
    .init("a link upwards", "leads out") { try docker { $1 = [.link("d/l", to: "../../x")] } },
    .init("a hard link", "a hard link") { try raw([TarMember(name: "h", kind: .hardLink, link: "manifest.json")]) },
    .init("a device", "a device") { try raw([TarMember(name: "d", kind: .characterDevice)]) },
    .init("a block device", "a device") { try raw([TarMember(name: "d", kind: .blockDevice)]) },
    .init("a FIFO", "a FIFO") { try raw([TarMember(name: "f", kind: .fifo)]) },
    .init("a sparse file", "a sparse file") { try raw([TarMember(name: "s", kind: .other(UInt8(ascii: "S")))]) },
    .init("a file of no known kind", "unknown kind") { try raw([TarMember(name: "v", kind: .other(0x56))]) },
    .init("a file twice", "two entries") { try docker { $1 = [.file("manifest.json", "[]")] } },
    .init("a file twice by another spelling", "two entries") { try docker { $1 = [.file("./manifest.json", "[]")] } },
    .init("a link over a file", "two entries") { try docker { $1 = [.link("manifest.json", to: "x")] } },
    .init("a circle of links", "leads nowhere") {
        try docker {
            $0.paths[0] = "a"
            $1 = [.link("a", to: "b"), .link("b", to: "a")]
        }
    },
    .init("more entries than any archive", "more than 1200 entries") {
        let one = TarEncoder.header(TarMember(name: "d/", kind: .directory))
        return Array(repeatElement(one, count: 1201).joined())
    },
    .init("more names than memory is for", "bytes of names") {
        (0..<1100).flatMap { number -> [UInt8] in
            let name = "\(number)" + String(repeating: "n", count: 4000)
            return TarEncoder.header(TarMember(name: name, kind: .file))
        }
    },
    .init("a file longer than the disk", "no space left|longer than the file system") {
        TarEncoder.header(TarMember(name: "layer.tar", kind: .file, size: 1 << 55))
    },
]

private let hostileDocuments: [HostileArchive] = [
    .init("nothing", "unrecognized image format") { [] },
    .init("no tar", "unrecognized image format") { Array("this is no tar at all".utf8) },
    .init("an empty tar", "unrecognized image format") { TarEncoder.endMark },
    .init("a tar of something else", "unrecognized image format") { try tar([.file("readme", "hello")]) },
    .init("a manifest.json that is no JSON", "manifest.json") { try tar([.file("manifest.json", "[{")]) },
    .init("a manifest.json without images", "no list of images") { try tar([.file("manifest.json", "[]")]) },
    .init("a layer that is missing", "does not have it") { try docker { made, _ in made.paths[0] = "none" } },
    .init("a layer outside", "leads out") { try docker { made, _ in made.paths[0] = "../../etc/passwd" } },
    .init("one layer too few", "layers length mismatch: expected 2, got 1") {
        try docker { made, _ in made.paths.removeLast() }
    },
    .init("one layer too many", "layers length mismatch: expected 2, got 3") {
        try docker { made, _ in made.paths.append(made.paths[0]) }
    },
    .init("layers in the wrong order", "invalid diffID for layer 0") {
        try docker { made, _ in made.paths.reverse() }
    },
    .init("a layer without bytes in the place of one", "invalid diffID for layer 0") {
        try docker {
            $0.paths[0] = "empty.tar"
            $1 = [.file("empty.tar", "")]
        }
    },
    .init("a config in a layer's place", "invalid diffID for layer 1") {
        try docker { made, _ in made.paths[1] = made.configName }
    },
    .init("a layer in the config's place", "longer than|invalid JSON|more than") {
        let made = DockerTar(try smallRecipe(compression: .none))
        let list: JSON = [["Config": .string(made.paths[0]), "RepoTags": .null, "Layers": []]]
        return try tar(
            made.entries().filter { $0.path != "manifest.json" }
                + [.file("manifest.json", BytesSource(list.serialized()))])
    },
    .init("a name that is none", "invalid tag") { try docker { made, _ in made.tags = ["UPPER/Case:1"] } },
    .init("a name with a digest", "invalid tag") {
        try docker { made, _ in made.tags = ["a@sha256:\(String(repeating: "0", count: 64))"] }
    },
    .init("a config of many MiB", "more than the") {
        try docker { made, extra in
            extra = [.file("big.json", BytesSource([UInt8](repeating: 0x20, count: 9 << 20)))]
            made.config = [UInt8](repeating: 0x20, count: 9 << 20)
        }
    },
    .init("a blob that is not its name", "hash to") {
        try oci { image, extra in
            extra = [.file("blobs/sha256/\(String(repeating: "0", count: 64))", "not zeros")]
        }
    },
    .init("a layer missing in a layout", "neither in the archive nor in the store") {
        try without { $0.manifests[0].layers[1].digest }
    },
    .init("a config missing in a layout", "neither in the archive nor in the store") {
        try without { $0.manifests[0].config.digest }
    },
    .init("a manifest missing in a layout", "does not have it") { try without { $0.digest } },
    .init("config and layers of different images", "invalid diffID for layer 1") {
        let factory = ImageFactory()
        let (one, two) = (factory.image(try smallRecipe("one")), factory.image(try smallRecipe("two")))
        let mixed = factory.manifest(of: one.manifests[0].config, layers: two.manifests[0].layers)
        return try tar(layout([("made:1", mixed)]))
    },
    .init("a layer that is cut short", "layer 1 cannot be unpacked") {
        let factory = ImageFactory()
        let image = factory.image(try smallRecipe()).manifests[0]
        var layer = image.layers[1]
        let bytes = Array(try layer.source.readAll().dropLast(9))
        layer = GeneratedBlob(document: bytes, mediaType: .ociLayerGzip)
        return try tar(layout([("made:1", factory.manifest(of: image.config, layers: [image.layers[0], layer]))]))
    },
    .init("a size that is not the blob's", "a descriptor claims") {
        let factory = ImageFactory()
        let image = factory.image(try smallRecipe()).manifests[0]
        var layer = image.layers[1]
        layer.descriptor.size += 1
        return try tar(layout([("made:1", factory.manifest(of: image.config, layers: [image.layers[0], layer]))]))
    },
    .init("an archive that is cut short", "cut short") {
        try docker { _, _ in }.dropLast(1024)
    },
    .init("a gzip that is cut short", "cut short") {
        try Compression.compress(docker { _, _ in }, .gzip()).dropLast(4)
    },
]

@Suite struct `A hostile archive` {
    @Test(arguments: hostileEntries + hostileDocuments)
    func `is refused as a whole and leaves nothing`(archive: HostileArchive) async throws {
        // A million entries would be the same test, and a long one.
        var limits = ArchiveLimits()
        limits.entries = 1200
        let rig = try await ArchiveRig(limits: limits)
        let bytes = try archive.bytes()
        let error = await #expect(throws: (any Error).self, "\(archive.what)") { try await rig.load(bytes) }
        let text = (error as? any Fault)?.description ?? "no fault: \(String(describing: error))"
        let reasons = archive.reason.split(separator: "|")
        #expect(reasons.contains { text.contains($0) }, "\(archive.what): \(text)")
        try await rig.expectNothing("\(archive.what)")
    }

    @Test func `is a bomb by its ratio, whether inside or outside`() async throws {
        var limits = ArchiveLimits()
        limits.archive.harmless = 1 << 20
        limits.layer.harmless = 1 << 20
        let zeros = BytesSource([UInt8](repeating: 0, count: 4 << 20))
        let plain = DockerTar(
            ImageRecipe(steps: [
                ImageStep(
                    "ADD",
                    try ImageFactory(compression: .none).layer([
                        .file("zeros", zeros)
                    ]))
            ]))
        let outer = try await ArchiveRig(limits: limits)
        let squeezed = try Compression.compress(tar(plain.entries()), .zstd())
        let error = await #expect(throws: LayersError.self) { try await outer.load(squeezed) }
        guard case .bomb(.zstd, _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        try await outer.expectNothing()

        let inner = try await ArchiveRig(limits: limits)
        let layer = try ImageFactory(compression: .zstd()).layer([.file("zeros", zeros)])
        let image = ImageFactory().image(ImageRecipe(steps: [ImageStep("ADD", layer)]))
        let refusal = await #expect(throws: ArchiveError.self) {
            try await inner.load(tar(layout([("bomb:1", image)])))
        }
        #expect(refusal?.description.contains("decompression bomb") == true, "\(String(describing: refusal))")
        try await inner.expectNothing()
    }

    @Test func `is two images of which one is bad`() async throws {
        let rig = try await ArchiveRig()
        let factory = ImageFactory()
        let good = factory.image(try smallRecipe("good"))
        let bad = factory.manifest(of: good.manifests[0].config, layers: good.manifests[0].layers.reversed())
        await #expect(throws: ArchiveError.self) {
            try await rig.load(tar(layout([("good:1", good), ("bad:1", bad)])))
        }
        try await rig.expectNothing()
    }
}
