import Catalogue
import Coordination
import OCI
import Pulling
import Storage
import TestSupport
import Testing

@Suite struct `A pull that cannot be` {
    @Test func `names what is missing and changes nothing`() async throws {
        let rig = try await PullingRig()
        await #expect(throws: FakeRegistry.Missing.self) { try await rig.pull("nope:1") }
        #expect(try await rig.catalogue.images().isEmpty)
    }

    @Test func `for a wrong digest leaves no blob and no image`() async throws {
        let rig = try await PullingRig()
        let image = try rig.registry.add("app:1", layers: ["honest", "also honest"])
        let bad = image.layers[1]
        rig.registry.state.withLock { $0.served[bad.digest] = Array("also hOnest".utf8) }
        let error = await #expect(throws: (any Error).self) { try await rig.pull("app:1") }
        #expect((error as? any Fault)?.kind == .integrity)
        #expect(try await rig.store.size(of: bad.digest) == nil)
        #expect(try await rig.catalogue.images().isEmpty)
        #expect(rig.projected.withLock { $0.isEmpty })
    }

    @Test func `because bytes of two attempts do not go together is made once more, from the start`() async throws {
        let rig = try await PullingRig()
        let image = try rig.registry.add("app:1", layers: ["two halves of one layer"])
        let layer = image.layers[0].digest
        rig.registry.state.withLock { _ = $0.mixedUp.insert(layer) }
        let (outcome, _) = try await rig.pull("app:1")
        #expect(outcome.digest == image.target.digest)
        #expect(rig.registry.state.withLock { $0.blobGets[layer] } == 2)
    }

    @Test func `for its platform lists those there are`() async throws {
        let rig = try await PullingRig()
        let arm = Platform(os: "linux", architecture: "arm64")
        let mips = Platform(os: "linux", architecture: "mips64le")
        let one = try rig.registry.add("one", layers: ["1"], platform: arm, tagged: false)
        let two = try rig.registry.add("two", layers: ["2"], platform: mips, tagged: false)
        try rig.registry.add(
            index: "multi:1",
            of: [one.target.on(arm), two.target.on(mips), one.target.attesting(one.target.digest)])
        let error = await #expect(throws: PullingError.self) { try await rig.pull("multi:1", platform: "linux/s390x") }
        let text = try #require(error).description
        #expect(text.contains("linux/s390x") && text.contains("linux/arm64, linux/mips64le"))
        #expect(!text.contains("unknown"))
    }

    @Test func `because its only manifest is of another platform says which`() async throws {
        let rig = try await PullingRig()
        try rig.registry.add("arm:1", layers: ["1"], platform: Platform(os: "linux", architecture: "arm64"))
        let error = await #expect(throws: PullingError.self) { try await rig.pull("arm:1", platform: "linux/riscv64") }
        #expect(try #require(error).description.contains("linux/arm64"))
        #expect(rig.registry.state.withLock { $0.blobGets.isEmpty }, "no layer was worth a request")
    }

    @Test func `for a malformed manifest says which document of which image`() async throws {
        let rig = try await PullingRig()
        let bad = rig.registry.put(document: Array("{\"schemaVersion\":2,".utf8), .ociManifest)
        try rig.registry.tag("broken:1", bad.digest)
        let error = await #expect(throws: PullingError.self) { try await rig.pull("broken:1") }
        let text = try #require(error).description
        #expect(text.contains("docker.io/library/broken:1") && text.contains("\(bad.digest)"))
    }

    @Test func `for indexes nested without end gives up`() async throws {
        let rig = try await PullingRig()
        var child = try rig.registry.add("leaf", layers: ["1"], tagged: false).target.on(.host)
        for _ in 0..<5 { child = try rig.registry.add(index: "deep:1", of: [child]).on(.host) }
        let error = await #expect(throws: PullingError.self) { try await rig.pull("deep:1") }
        #expect(try #require(error).kind == .integrity)
    }

    @Test func `at one layer can be tried again and keeps what it has`() async throws {
        let rig = try await PullingRig()
        let image = try rig.registry.add("app:1", layers: ["first layer", "second layer"])
        rig.registry.state.withLock {
            $0.faults[image.layers[1].digest] = [FakeRegistry.Missing(what: "a passing fault")]
        }
        await #expect(throws: FakeRegistry.Missing.self) { try await rig.pull("app:1") }
        #expect(try await rig.catalogue.images().isEmpty)
        let (outcome, _) = try await rig.pull("app:1")
        #expect(outcome.digest == image.target.digest)
    }
}

@Suite struct `A pull of an index` {
    @Test func `takes the host's platform, and another one beside it when asked`() async throws {
        let rig = try await PullingRig()
        let other = Platform(os: "linux", architecture: "s390x")
        let mine = try rig.registry.add("mine", layers: ["common", "mine"], tagged: false)
        let theirs = try rig.registry.add("theirs", layers: ["common", "theirs"], platform: other, tagged: false)
        let attestation = rig.registry.put(document: Array("{\"never\": \"read\"}".utf8), .ociManifest)
        let index = try rig.registry.add(
            index: "multi:1",
            of: [attestation.attesting(mine.target.digest), theirs.target.on(other), mine.target.on(.host)])
        _ = try await rig.pull("multi:1")
        #expect(try await rig.store.size(of: mine.layers[1].digest) != nil)
        #expect(try await rig.store.size(of: theirs.layers[1].digest) == nil)
        let before = try #require(try await rig.catalogue.image(index.digest)).size
        let (outcome, _) = try await rig.pull("multi:1", platform: "linux/s390x")
        #expect(!outcome.upToDate)
        let added = theirs.manifest.size + theirs.config.size + theirs.layers[1].size
        #expect(outcome.fetchedBytes == added)
        #expect(try #require(try await rig.catalogue.image(index.digest)).size == before + added)
        let available = try await rig.catalogue.manifests(of: index.digest).filter(\.available)
        #expect(Set(available.map(\.descriptor.digest)) == [mine.target.digest, theirs.target.digest])
        let kinds = try await rig.catalogue.manifests(of: index.digest).map(\.kind)
        #expect(kinds == [.attestation, .image, .image])
    }
}
