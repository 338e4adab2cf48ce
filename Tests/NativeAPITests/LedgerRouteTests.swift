import Foundation
import Hashing
import OCI
import Observability
import Registry
import TestSupport
import Testing

@testable import NativeAPI
@testable import Pulling
@testable import Storage

@Suite struct `The route df` {
    @Test func `has totals, images and blobs that add up`() async throws {
        let rig = try await NativeRig()
        try await rig.add("a:1", layers: ["shared layer", "own of a"])
        try await rig.add("b:1", layers: ["shared layer", "b"])
        let usage = try await rig.json("GET", "/layerd/v1/df")
        let images = try #require(usage["images"]?.array)
        let blobs = try #require(usage["blobs"]?.array)
        #expect(images.count == 2 && blobs.count == 5)
        #expect(images.allSatisfy { $0["sharedSize"]?.integer == 12 })
        for image in images {
            let (size, shared) = (image["size"]?.integer ?? 0, image["sharedSize"]?.integer ?? 0)
            #expect(image["uniqueSize"]?.integer == size - shared)
        }
        let sum = blobs.reduce(0) { $0 + ($1["size"]?.integer ?? 0) }
        #expect(usage["totals"]?["layersSize"]?.integer == sum)
        #expect(usage["totals"]?["reclaimable"]?.integer == sum)
        #expect(blobs.compactMap { $0["users"]?.integer }.sorted() == [1, 1, 1, 1, 2])
        #expect(images[0]["unpackedSize"]?.integer != nil)
        #expect(usage["reclaimable"] == nil)
    }

    @Test func `adds what a set of images would free`() async throws {
        let rig = try await NativeRig()
        try await rig.add("a:1", layers: ["shared layer", "own of a"])
        let second = try await rig.add("b:1", layers: ["shared layer"])
        let one = try await rig.json("GET", "/layerd/v1/df?images=a:1&blobs=0")
        #expect(one["blobs"] == nil)
        #expect(one["reclaimable"]?.integer == Int64("manifest of a:1".count + "own of a".count))
        let both = try await rig.json("GET", "/layerd/v1/df?images=a:1,\(second)")
        #expect(both["reclaimable"] == both["totals"]?["layersSize"])
        _ = try await rig.json("GET", "/layerd/v1/df?images=nobody", status: 404)
    }

    @Test func `of more blobs than fit a page has each once`() async throws {
        let rig = try await NativeRig()
        try await rig.add("a:1", layers: (0..<2_100).map { "layer \($0)" })
        let blobs = try #require(try await rig.json("GET", "/layerd/v1/df")["blobs"]?.array)
        #expect(Set(blobs.compactMap { $0["digest"]?.string }).count == 2_101 && blobs.count == 2_101)
    }
}

@Suite struct `The route plan` {
    private func planned(_ name: String, _ blobs: [PlannedBlob]) throws -> PlannedImage {
        PlannedImage(
            reference: try Reference(parsing: name).forPull, target: ScriptedPuller.layer,
            manifest: ScriptedPuller.layer, upToDate: false, blobs: blobs, registryPulls: 1)
    }

    private func blob(_ text: String, _ size: Int64, _ state: PlannedBlob.State) -> PlannedBlob {
        PlannedBlob(digest: .sha256(of: Array(text.utf8)), size: size, state: state)
    }

    @Test func `counts once what images share`() async throws {
        var puller = ScriptedPuller()
        puller.planned["a:1"] = try planned(
            "a:1", [blob("manifest a", 5, .present), blob("base", 100, .missing), blob("half", 50, .partial(held: 20))])
        puller.planned["b:1"] = try planned("b:1", [blob("base", 100, .missing), blob("own", 7, .missing)])
        let rig = try await NativeRig(puller: puller)
        let plan = try await rig.json("GET", "/layerd/v1/plan?image=a:1&image=b:1")
        #expect(plan["bytesToFetch"]?.integer == 137)
        #expect(plan["bytesPresent"]?.integer == 25)
        #expect(plan["registryPulls"]?.integer == 2)
        #expect(
            plan["blobs"]?.array?.compactMap { $0["state"]?.string } == ["present", "missing", "partial", "missing"])
        #expect(plan["images"]?.array?.compactMap { $0["bytesToFetch"]?.integer } == [130, 107])
        let alone = try await rig.json("GET", "/layerd/v1/plan?image=a:1")
        #expect(alone["image"]?.string == "docker.io/library/a:1")
    }

    @Test func `of several images tells which one cannot be`() async throws {
        var puller = ScriptedPuller()
        puller.planned["a:1"] = try planned("a:1", [blob("base", 100, .missing)])
        let rig = try await NativeRig(puller: puller)
        let plan = try await rig.json("GET", "/layerd/v1/plan?image=a:1&image=nope")
        #expect(plan["images"]?.array?.last?["kind"]?.string == "notFound")
        #expect(plan["bytesToFetch"]?.integer == 100)
        _ = try await rig.json("GET", "/layerd/v1/plan?image=nope", status: 404)
        for query in ["", "?image=", "?image=A:B:C", "?image=a&platform=x/y/z/q/r"] {
            _ = try await rig.json("GET", "/layerd/v1/plan" + query, status: 400)
        }
    }
}

@Suite struct `The routes of care` {
    @Test func `pin, list and unpin`() async throws {
        let rig = try await NativeRig()
        try await rig.add("a:1", layers: ["x"])
        let pinned = try await rig.json("POST", "/layerd/v1/pins?image=a:1")
        #expect(pinned == ["pinned": true, "images": ["docker.io/library/a:1"]])
        #expect(try await rig.json("GET", "/layerd/v1/pins")["pins"]?.array?.count == 1)
        #expect(try await rig.json("GET", "/layerd/v1/df")["images"]?.array?.first?["pinned"]?.bool == true)
        #expect(try await rig.json("DELETE", "/layerd/v1/pins?image=a:1")["pinned"]?.bool == false)
        #expect(try await rig.json("GET", "/layerd/v1/pins") == ["pins": []])
        _ = try await rig.json("POST", "/layerd/v1/pins?image=nope", status: 404)
        _ = try await rig.json("POST", "/layerd/v1/pins", status: 400)
    }

    @Test func `sweep what nobody needs, and dry only say so`() async throws {
        var store = ReportingStore()
        store.interrupted = [
            HeldIngest(
                digest: ScriptedPuller.layer.digest, bytes: 30, total: 100, isActive: false,
                lastWritten: Timestamp(seconds: 5))
        ]
        let rig = try await NativeRig(store: store)
        try await rig.add("a:1", layers: ["x"])
        let stray = Digest.sha256(of: Array("stray".utf8))
        rig.store.memory.plant(Array("stray".utf8), under: stray)
        let dry = try await rig.json("POST", "/layerd/v1/gc?dry_run=1")
        #expect(dry["blobBytes"]?.integer == 5 && dry["ingestBytes"]?.integer == 30 && dry["bytes"]?.integer == 35)
        #expect(try await rig.store.size(of: stray) == 5)
        let young = try await rig.json("POST", "/layerd/v1/gc?grace=99999999")
        #expect(young["bytes"]?.integer == 0 && young["left"]?.integer == 1)
        let wet = try await rig.json("POST", "/layerd/v1/gc")
        #expect(wet["bytes"] == dry["bytes"] && wet["digests"] == ["\(stray)"].json)
        #expect(try await rig.store.size(of: stray) == nil)
        #expect(try await rig.store.blobs().count == 2)
        for query in ["?dry_run=yes", "?grace=-1", "?grace=soon"] {
            _ = try await rig.json("POST", "/layerd/v1/gc" + query, status: 400)
        }
    }

    @Test func `prune to the byte what the dry run said`() async throws {
        let rig = try await NativeRig()
        try await rig.add("a:1", layers: ["shared", "a"])
        try await rig.add("b:1", layers: ["shared", "b"])
        _ = try await rig.json("POST", "/layerd/v1/pins?image=b:1")
        #expect(try await rig.json("POST", "/layerd/v1/prune?dry_run=1")["bytes"]?.integer == 0)
        let dry = try await rig.json("POST", "/layerd/v1/prune?all=1&dry_run=1")
        let before = try await rig.store.blobs().reduce(0) { $0 + $1.size }
        let wet = try await rig.json("POST", "/layerd/v1/prune?all=1")
        let after = try await rig.store.blobs().reduce(0) { $0 + $1.size }
        #expect(dry["bytes"]?.integer == before - after && wet["bytes"] == dry["bytes"] && before > after)
    }
}

@Suite struct `The figures at /metrics` {
    private func exposition() async throws -> String {
        let report = RegistryReport(
            name: "docker.io",
            allowance: Allowance(limit: 100, remaining: 42, recorded: Timestamp(seconds: 1)))
        let rig = try await NativeRig(registries: [report])
        try await rig.add("a:1", layers: ["x"])
        rig.metrics.pulls["fetched"].add()
        return try await rig.text("GET", "/metrics")
    }

    /// What `promtool check metrics` looks at.
    @Test func `keep to Prometheus' conventions`() async throws {
        var kinds: [Substring: Substring] = [:]
        var helped = Set<Substring>()
        var series = Set<Substring>()
        for line in try await exposition().split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3)
            if line.hasPrefix("# HELP ") {
                #expect(words.count == 4 && helped.insert(words[2]).inserted, "\(line)")
            } else if line.hasPrefix("# TYPE ") {
                #expect(helped.contains(words[2]) && kinds.updateValue(words[3], forKey: words[2]) == nil, "\(line)")
            } else {
                let parts = line.split(separator: " ")
                #expect(parts.count == 2 && Double(parts[1]) != nil, "\(line)")
                #expect(series.insert(parts[0]).inserted, "twice: \(line)")
                let name = line.prefix { $0 != "{" && $0 != " " }
                let family = ["_bucket", "_sum", "_count"].reduce(name) { name, suffix in
                    kinds[name] == nil && name.hasSuffix(suffix) ? name.dropLast(suffix.count) : name
                }
                let kind = try #require(kinds[family], "\(line)")
                #expect(family.hasPrefix("layerd_") && family == family.lowercased()[...], "\(line)")
                #expect((kind == "counter") == family.hasSuffix("_total"), "\(line)")
                for unit in ["_ms", "_milliseconds", "_kb", "_mb", "_percent"] {
                    #expect(!family.hasSuffix(unit), "\(line)")
                }
            }
        }
        #expect(kinds.count > 15)
    }

    @Test(arguments: ["alerts.yaml", "grafana.json"])
    func `are all that the examples in config ask for`(file: String) async throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = try String(contentsOfFile: "/\(root)/config/\(file)", encoding: .utf8)
        if file.hasSuffix(".json") { _ = try JSON(parsing: text.utf8) }
        let known = Set(
            try await exposition().split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
                .map { String($0.split(separator: " ")[2]) })
        let asked = text.matches(of: /layerd_[a-z_]+/).map { String($0.output) }
        #expect(asked.count > 8)
        for name in Set(asked) {
            let family = ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) && !known.contains(name) }
                .map { String(name.dropLast($0.count)) }
            #expect(known.contains(family ?? name), "\(file) asks for \(name)")
        }
    }

    @Test func `say what the store holds and what registries allow`() async throws {
        let text = try await exposition()
        for line in [
            "layerd_images 1", "layerd_store_bytes{part=\"blobs\"} 16", "layerd_reclaimable_bytes 16",
            "layerd_registry_allowance_remaining{registry=\"docker.io\"} 42",
            "layerd_pulls_total{result=\"fetched\"} 1",
            "layerd_transfers{state=\"active\"} 0",
        ] { #expect(text.contains("\n\(line)\n"), "\(line)") }
    }
}

extension [String] {
    fileprivate var json: JSON { .array(map { .string($0) }) }
}
