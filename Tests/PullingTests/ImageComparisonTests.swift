import Catalogue
import Coordination
import Hashing
import OCI
import Registry
import TestSupport
import Testing

@testable import Pulling

private func layer(_ text: String, size: Int64 = 100) -> Descriptor {
    Descriptor(mediaType: .ociLayerGzip, digest: .sha256(of: Array(text.utf8)), size: size)
}

/// Steps as `INSTRUCTION=content`, `INSTRUCTION=content/compression` or, without a layer, `INSTRUCTION`.
private func chain(_ steps: String...) -> ImageChain {
    var chain = ImageChain(
        name: "image", digest: .sha256(of: []), manifest: Manifest(config: layer("config"), layers: []),
        config: emptyConfig, isHere: true)
    chain.steps = steps.map { text in
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return ImageChain.Step(instruction: text) }
        let content = String(parts[1].split(separator: "/")[0])
        return ImageChain.Step(
            instruction: parts[0], layer: layer(parts[1]), diffID: .sha256(of: Array("diff \(content)".utf8)))
    }
    return chain
}

private let emptyConfig: ImageConfig = {
    do { return try ImageConfig(parsing: Array("{\"os\":\"linux\",\"architecture\":\"amd64\"}".utf8)) } catch {
        preconditionFailure("a config of our own")
    }
}()

@Suite struct `A comparison of images` {
    @Test func `of the same image finds nothing to fetch`() {
        let one = chain("FROM=base", "ENV A=b", "COPY=app")
        let result = ImageComparison(from: one, to: one)
        #expect(result.rows.map(\.relation) == [.common, .common, .common].prefix(result.rows.count).map { $0 })
        #expect(result.difference == nil && result.bytesToFetch == 0 && result.advice == nil)
    }

    @Test func `shows what a change in the middle of a Dockerfile costs`() {
        let old = chain("FROM=base", "COPY conf=conf1", "RUN install=deps1", "COPY app=app")
        let new = chain("FROM=base", "COPY conf=conf2", "RUN install=deps2", "COPY app=app")
        let result = ImageComparison(from: old, to: new)
        #expect(result.commonLayers == 1 && result.commonBytes == 100)
        #expect(result.rows.map(\.relation) == [.common, .rebuilt, .rebuilt, .sameBlob])
        #expect(result.bytesToFetch == 200)
        #expect(
            result.difference == .init(step: 1, from: "COPY conf", to: "COPY conf", isSameInstruction: true))
        #expect(result.rows[1].why.contains("inputs or time stamps changed"))
        #expect(result.rows[2].why.contains("parent chain differs from layer 1 on"))
        #expect(result.rows[3].why.contains("not fetched again"))
        #expect(
            result.advice == "\"COPY conf\" changed before the 2 steps that did not: moved after \"COPY app\", "
                + "it would have kept 100 bytes shared")
    }

    @Test func `tells content compressed anew from new content`() {
        let old = chain("FROM=base/gzip", "COPY=a/gzip")
        let new = chain("FROM=base/zstd", "RUN=x/gzip", "COPY=a/zstd")
        let result = ImageComparison(from: old, to: new)
        #expect(result.rows.map(\.relation) == [.common, .new, .sameContent])
        #expect(result.rows.map(\.fetched) == [100, 100, 100])
        #expect(result.rows[0].why.contains("compressed anew"))
        #expect(result.rows[1].why.contains("no such step"))
    }

    @Test func `finds a changed step without a layer, and images of other lengths`() {
        let old = chain("FROM=base", "ENV A=1=x", "CMD a")
        let steps = ImageComparison(from: chain("FROM=base", "CMD a"), to: chain("FROM=base", "CMD b"))
        #expect(steps.commonLayers == 1 && steps.bytesToFetch == 0)
        #expect(steps.difference == .init(step: 1, from: "CMD a", to: "CMD b", isSameInstruction: false))
        let longer = ImageComparison(from: chain("FROM=base"), to: old)
        #expect(longer.difference?.from == nil && longer.difference?.to != nil)
        let shorter = ImageComparison(from: old, to: chain("FROM=base"))
        #expect(shorter.rows.count == 1 && shorter.difference?.to == nil && shorter.advice == nil)
    }

    @Test func `counts a blob that occurs twice once`() {
        let result = ImageComparison(from: chain("FROM=base"), to: chain("FROM=base", "A=x", "B=x"))
        #expect(result.bytesToFetch == 100)
    }

    @Test func `takes images from here and from the registry, fetching documents alone`() async throws {
        let rig = try await PullingRig()
        try rig.registry.add("app:1", layers: ["base", "one"])
        let other = try rig.registry.add("app:2", layers: ["base", "two"])
        try rig.registry.add(
            index: "app:3", of: [other.manifest.on(.host), other.manifest.on(Platform(os: "plan9", architecture: "x"))])
        _ = try await rig.pull("app:1")
        let comparer = ImageComparer(
            catalogue: rig.catalogue, store: rig.store, resolver: rig.registry, fetcher: rig.registry)
        let blobs = try await rig.store.blobs().count
        for name in ["app:2", "app:3"] {
            let result = try await comparer.compare(from: "app:1", to: name)
            #expect(result.from.isHere && !result.to.isHere)
            #expect(result.commonLayers == 1 && result.bytesToFetch == 3)
        }
        #expect(try await rig.store.blobs().count == blobs, "nothing is kept")
        #expect(rig.registry.state.withLock { $0.blobGets.count } == 3, "config and layers of app:1")
        await #expect(throws: (any Error).self) { try await comparer.compare(from: "app:1", to: "nope:1") }
        let plan9 = Platform(os: "plan9", architecture: "x")
        await #expect(throws: PullingError.self) {
            try await comparer.compare(from: "app:1", to: "app:3", platform: plan9)
        }
    }
}
