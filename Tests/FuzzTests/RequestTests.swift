import OCI
import TestSupport
import Testing

@testable import EngineAPI
@testable import MirrorAPI
@testable import Serving

/// What clients write into their requests, on the control socket and at the mirror.
@Suite(.serialized) struct `A request from outside` {
    @Test func `has a target or none`() throws {
        let fuzzer = Fuzzer(name: "target", seeds: utf8(Seeds.targets), words: Seeds.words)
        let (tried, taken) = try fuzzer.run { bytes, _ in
            guard let parts = TargetParts(String(decoding: bytes, as: UTF8.self)) else { return false }
            try require(parts.path.hasPrefix("/") || parts.path == "*", "a path of \(parts.path)")
            try require(ServerRequest.percentDecode(parts.path) != nil, "a path that cannot be decoded")
            let clean = parts.query.allSatisfy { !$0.name.contains("\0") && !$0.value.contains("\0") }
            try require(clean, "a NUL in the query")
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `means a registry that the mirror serves, or none`() throws {
        let served: Set = ["docker.io", "ghcr.io"]
        let fuzzer = Fuzzer(
            name: "mirror", seeds: utf8(Seeds.targets), words: Seeds.words + ["/v2/", "ns=", "ghcr.io"])
        let (tried, taken) = try fuzzer.run { bytes, _ in
            guard let request = ServerRequest("GET", String(decoding: bytes, as: UTF8.self)),
                let target = try? MirrorTarget(request, serves: served.contains)
            else { return false }
            let repository: Repository
            switch target.endpoint {
            case .ping, .catalogue: return true
            case .manifest(let reference):
                try require((try? Reference(parsing: reference.description)) == reference, "it reads back as another")
                repository = reference.repository
            case .blob(let named, _), .tags(let named), .referrers(let named, _): repository = named
            }
            try require(served.contains(repository.domain), "it leads to \(repository.domain)")
            let known = try? Repository(parsing: "\(repository.domain)/\(repository.path)")
            try require(known == repository, "\(repository.path) is no repository")
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `has a range within the blob, or none`() throws {
        let fuzzer = Fuzzer(name: "range", seeds: utf8(Seeds.ranges), words: Seeds.words)
        let (tried, taken) = try fuzzer.run { bytes, random in
            let sizes: [Int64] = [0, 1, 100, .max]
            let size = sizes.randomElement(using: &random) ?? 0
            let parts: [Range<Int64>]
            switch ByteRange(String(decoding: bytes, as: UTF8.self), size: size) {
            case .part(let part): parts = [part]
            case .parts(let several): parts = several
            case .whole, .outside: return false
            }
            for part in parts {
                try require(
                    !part.isEmpty && part.lowerBound >= 0 && part.upperBound <= size, "\(part) of \(size) bytes")
            }
            try require(parts.count <= ByteRange.maximumParts, "\(parts.count) parts")
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `has filters or none`() throws {
        let fuzzer = Fuzzer(name: "filters", seeds: utf8(Seeds.filters), words: Seeds.words)
        let now = Timestamp(seconds: 1_746_100_800)
        let (tried, taken) = try fuzzer.run { bytes, _ in
            let text = String(decoding: bytes, as: UTF8.self)
            let moment = try? filterTime(text, now: now)
            guard let filters = try? Filters(parsing: text) else { return moment != nil }
            for (key, values) in filters.values {
                try require(filters[key] == values, "a key that is there twice")
                _ = try? filters.flag(key)
                for value in values {
                    _ = try? filterTime(value, now: now)
                    _ = try? ReferenceGlob.matches(value, "registry.example:5000/a/worker:1.4")
                }
            }
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }
}
