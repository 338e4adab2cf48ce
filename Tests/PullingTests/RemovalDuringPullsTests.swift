import Catalogue
import OCI
import Pulling
import Storage
import TestSupport
import Testing

@Suite struct `Removals while pulls run` {
    private static let names = (0..<6).map { "app\($0):1" }

    private func rig() async throws -> (rig: PullingRig, images: [FakeImage]) {
        let rig = try await PullingRig()
        let images = try Self.names.enumerated().map { number, name in
            try rig.registry.add(name, layers: ["the base", "shared by two \(number / 2)", "of its own \(number)"])
        }
        return (rig, images)
    }

    /// Pulls everything over and over beside `disturb`, which goes on until that is done.
    private func pull(
        _ rig: PullingRig, rounds: Int, beside disturb: @escaping @Sendable (_ turn: Int) async throws -> Void
    ) async throws {
        let disturbing = Task {
            var turn = 0
            while !Task.isCancelled {
                // A task of its own, awaited here: the end of the loop must not cut a removal in two, for what that
                // leaves goes with the next sweep only.
                let now = turn
                try await Task { try await disturb(now) }.value
                turn += 1
                await Task.yield()
            }
            return turn
        }
        defer { disturbing.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for name in Self.names {
                group.addTask { for _ in 0..<rounds { _ = try await rig.pull(name) } }
            }
            try await group.waitForAll()
        }
        disturbing.cancel()
        do { #expect(try await disturbing.value > 0) } catch is CancellationError {}
    }

    /// Whatever the catalogue names is there, whole.
    private func check(_ rig: PullingRig) async throws {
        for image in try await rig.catalogue.images() {
            for blob in try await rig.catalogue.blobs(of: image.id) {
                #expect(try await rig.store.size(of: blob.digest) == blob.size, "\(blob.digest) of \(image.tags)")
            }
        }
    }

    @Test func `by a prune in a loop fail none of them`() async throws {
        let (rig, images) = try await rig()
        try await pull(rig, rounds: 20) { _ in _ = try await rig.collector.prune(all: true, dryRun: false) }
        try await check(rig)
        _ = try await rig.collector.prune(all: true, dryRun: false)
        #expect(try await rig.catalogue.images().isEmpty)
        for blob in images.flatMap({ [$0.manifest, $0.config] + $0.layers }) {
            #expect(try await rig.store.size(of: blob.digest) == nil)
        }
    }

    @Test func `by name, and names that move, fail none of them`() async throws {
        let (rig, images) = try await rig()
        try await pull(rig, rounds: 20) { turn in
            let name = try Reference(parsing: Self.names[turn % Self.names.count])
            do {
                // The tag of one image now means another, and then nothing.
                try await rig.catalogue.tag(images[(turn + 1) % images.count].target.digest, as: [name])
            } catch CatalogueError.noSuchImage {}
            _ = try await rig.collector.remove(names: [name], images: [Digest]())
            _ = try await rig.collector.remove(images: [images[turn % images.count].target.digest], sparing: .named)
        }
        try await check(rig)
        for name in Self.names { _ = try await rig.pull(name) }
        #expect(try await rig.catalogue.images().filter { !$0.tags.isEmpty }.count == Self.names.count)
    }

    @Test func `are told of, whoever removes`() async throws {
        let (rig, images) = try await rig()
        _ = try await rig.pull("app0:1")
        _ = try await rig.collector.prune(all: true, dryRun: false)
        let (name, id, labels) = (try Reference(parsing: "app0:1"), images[0].target.digest, ["made": "here"])
        let told = rig.events.subscribe().history.map(\.happening)
        #expect(
            told.dropLast() == [.pulled(name, labels: labels), .untagged(id, from: name, labels: labels), .deleted(id)])
        let pruned = if case .pruned(let bytes) = told.last { bytes } else { Int64(0) }
        #expect(pruned == ([images[0].manifest, images[0].config] + images[0].layers).reduce(0) { $0 + $1.size })
    }
}
