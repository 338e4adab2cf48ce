import FoundationEssentials
import OCI
import TestSupport
import Testing

/// Real images, as others made them, served by the stand-in byte for byte.
@Suite(.serialized, .enabled(if: CorpusFiles.isPresent(), Comment(rawValue: CorpusFiles.absence)))
struct `Every layout of the corpus` {
    /// What one layout's pulls came to.
    private struct Tally {
        var pulled = 0
        var refused: [String] = []
    }

    @Test func `that is complete pulls bit by bit`() async throws {
        let tallies = try await pullAll { !$0.hasPrefix("bad-") }
        #expect(tallies.count > 40)
        for name in Self.complete {
            let tally = try #require(tallies[name], "\(name) is not in the corpus")
            #expect(tally.pulled > 0 && tally.refused.isEmpty, "\(name): \(tally.refused)")
        }
    }

    @Test func `that is broken is refused, and shows no blob that is not what its name says`() async throws {
        let tallies = try await pullAll { $0.hasPrefix("bad-") }
        #expect(tallies.count > 5)
        for (name, tally) in tallies {
            #expect(tally.pulled == 0, "\(name) was pulled")
            #expect(!tally.refused.isEmpty, "\(name) was not even tried")
        }
    }

    /// Serves and pulls layouts; those that are broken have a stand-in of their own, which keeps one blob a digest.
    private func pullAll(_ isWanted: (String) -> Bool) async throws -> [String: Tally] {
        var tallies: [String: Tally] = [:]
        try await withScene({ $0.allowance = nil }, config: "[pull]\nretries = 0\n") { scene in
            let folder = try CorpusFiles.path("corpus/public/layouts")
            for name in try Files.list(folder) where isWanted(name) {
                guard Files.size("\(folder)/\(name)/index.json") != nil else { continue }
                tallies[name] = try await pull(layout: "\(folder)/\(name)", named: name, scene)
            }
            try scene.verifyAllBlobs()
        }
        return tallies
    }

    @Test func `holds images of any platform that pull by digest, with every layer that was counted in them`()
        async throws
    {
        try await withScene({ $0.allowance = nil }) { scene in
            let folder = try CorpusFiles.path("corpus/public/layouts")
            var served = Set<String>()
            var pulled = 0
            for image in try CorpusFiles.cases("layout-images") {
                let layout = try #require(image["layout"]?.string)
                let digest = try #require(image["manifest"]?.string)
                guard Files.size("\(folder)/\(layout)/index.json") != nil, Self.exceptions[layout] == nil else {
                    continue
                }
                if served.insert(layout).inserted {
                    try scene.hub.content.addLayout("\(folder)/\(layout)", to: "corpus/\(layout)")
                }
                let result = try await scene.daemon.layerctl("pull", "-q", "corpus/\(layout)@\(digest)")
                guard result.status == 0 else {
                    Issue.record("\(layout) \(digest): \(result.errors)")
                    continue
                }
                pulled += 1
                let blobs = try scene.daemon.blobs()
                for layer in image["layers"]?.array ?? [] {
                    let name = try Digest(parsing: try #require(layer["digest"]?.string))
                    #expect(blobs[name] == layer["size"]?.integer, "\(layout): \(name)")
                }
            }
            #expect(pulled > 60)
            try scene.verifyAllBlobs()
        }
    }

    /// Layouts with images that a registry would not serve, or not as they are.
    private static let exceptions = [
        "bad-index-json": "its index.json is no JSON", "bad-media-type": "it lacks a blob",
        "ggcr-index": "its index.json gives its manifests other types than they have",
        "hard-link-delete-3": "nothing in it names one of its manifests",
    ]

    /// Images of this machine's platform, all blobs there and right.
    private static let complete = [
        "alpine-oci-2017", "apko-base", "apko-top", "busybox-1.25", "busybox-1.37-glibc-amd64", "busybox-1.37-musl",
        "empty-layers", "garden-rootfs-32-layers", "gzip-expansion", "hard-link-1", "hard-link-delete-1",
        "hard-link-delete-3", "hard-link-delete-4", "hello-world-docker-list", "hello-world-docker-single",
        "many-layers-50",
        "no-layers", "non-writable-file", "root-dir-entry", "rules-docker-1", "trivy-oci", "uncompressed-layer",
        "whiteout-file", "whiteout-opaque",
    ]

    /// Pulls every entry of a layout's index by digest, for the platform it has.
    private func pull(layout: String, named name: String, _ scene: Scene) async throws -> Tally {
        var tally = Tally()
        let repository = "corpus/\(name.lowercased())"
        let tags: [String]
        do {
            tags = try scene.hub.content.addLayout(layout, to: repository)
        } catch {
            tally.refused.append("the layout cannot be served: \(error)")
            return tally
        }
        for tag in tags {
            let separator = tag.contains(":") ? "@" : ":"
            let result = try await scene.daemon.layerctl("pull", "-q", "\(repository)\(separator)\(tag)")
            if result.status == 0 { tally.pulled += 1 } else { tally.refused.append("\(tag): \(result.errors)") }
        }
        return tally
    }
}
