import Keyring
import OCI
import TestSupport
import Testing

@testable import Registry
@testable import Transport

/// Whatever is read is either refused or means the same when it is written and read again.
@Suite(.serialized) struct `Text from outside` {
    @Test func `is a reference or none`() throws {
        let fuzzer = Fuzzer(name: "reference", seeds: utf8(Seeds.references), words: Seeds.words)
        let (tried, taken) = try fuzzer.run { bytes, _ in
            let text = String(decoding: bytes, as: UTF8.self)
            guard let reference = try? Reference(parsing: text) else { return false }
            for form in [reference.description, reference.familiar] {
                try require((try? Reference(parsing: form)) == reference, "it reads back as another: \(form)")
            }
            try require(!reference.description.utf8.contains { $0 <= 0x20 || $0 >= 0x7F }, "it holds what no URL may")
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is a digest, a platform, a moment or none`() throws {
        let seeds = utf8([Seeds.digest, "sha512:" + String(repeating: "0a", count: 64)] + Seeds.others)
        let (tried, taken) = try Fuzzer(name: "digest", seeds: seeds, words: Seeds.words).run { bytes, _ in
            let text = String(decoding: bytes, as: UTF8.self)
            let digest = try? Digest(parsing: text)
            if let digest {
                try require(digest.description == text, "it reads back as another: \(digest)")
                try require(!digest.hex.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ".") }, "a path")
            }
            let platform = try? Platform(parsing: text)
            if let platform {
                let again = try Platform(parsing: platform.description)
                try require(again.normalized == platform.normalized, "it reads back as another: \(platform)")
            }
            let moment = try? Timestamp(parsing: text)
            if let moment { try require(try Timestamp(parsing: moment.description) == moment, "another moment") }
            return digest != nil || platform != nil || moment != nil
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is a challenge or none`() throws {
        let fuzzer = Fuzzer(name: "challenge", seeds: utf8(Seeds.challenges), words: Seeds.words)
        let (tried, taken) = try fuzzer.run { bytes, _ in
            let text = String(decoding: bytes, as: UTF8.self)
            let challenges = Challenge.parse([text])
            try require(challenges.count <= Challenge.maximumCount, "too many challenges")
            for challenge in challenges {
                try require(challenge.parameters.count <= Challenge.maximumParameters, "too many parameters")
                try require(challenge.scheme == challenge.scheme.lowercased(), "a scheme in upper case")
                let length = challenge.parameters.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
                // A byte that is no UTF-8 becomes a character of three.
                try require(length <= 3 * text.utf8.count, "more than was said")
                _ = Scope.list(challenge.parameters["scope"])
            }
            return !challenges.isEmpty
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is JSON or none`() throws {
        let seeds = utf8(Seeds.documents + Seeds.filters + Seeds.dockerConfigs)
        let (tried, taken) = try Fuzzer(name: "json", seeds: seeds, words: Seeds.words).run { bytes, _ in
            guard let value = try? JSON(parsing: bytes) else { return false }
            let written = value.serialized()
            let again = try JSON(parsing: written).serialized()
            try require(again == written, "it is written in two ways")
            let pretty = try JSON(parsing: value.serialized(escapeHTML: true, pretty: 2)).serialized()
            try require(pretty == written, "it is written in two ways when it is indented")
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is a manifest, an index or none`() throws {
        let seeds = utf8(Seeds.documents) + Seeds.corpus("corpus/public/manifests")
        let (tried, taken) = try Fuzzer(name: "document", seeds: seeds, words: Seeds.words).run { bytes, _ in
            switch try? ManifestDocument(parsing: bytes, mediaType: nil) {
            case .manifest(let manifest):
                _ = try Descriptor.totalSize(of: [manifest.config] + manifest.layers, in: "what was taken")
            case .index(let index):
                try require(index.candidates(for: .host).count <= index.manifests.count, "candidates from nowhere")
                _ = try Descriptor.totalSize(of: index.manifests, in: "what was taken")
            case nil: return false
            }
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is an image's config or none`() throws {
        let seeds = utf8([Seeds.documents[2]]) + Seeds.corpus("corpus/public/manifests")
        let (tried, taken) = try Fuzzer(name: "config", seeds: seeds, words: Seeds.words).run { bytes, _ in
            guard let config = try? ImageConfig(parsing: bytes) else { return false }
            let platform = config.platform.normalized
            try require(platform.normalized == platform, "two normal forms of a platform")
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is the head of an answer or none`() throws {
        let (tried, taken) = try Fuzzer(name: "answer", seeds: utf8(Seeds.answers), words: Seeds.words).run {
            bytes, _ in
            var reader = HeadReader()
            var head: HTTPResponseHead?
            // libcurl shows a head line by line.
            for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
                do {
                    guard let found = try reader.read(line + [UInt8(ascii: "\n")]) else { continue }
                    try require(head == nil, "two heads")
                    head = found
                } catch is HeadFault { break }
            }
            guard let head else { return false }
            try require(200...999 ~= head.status, "a status of \(head.status)")
            try require((head.contentLength ?? 0) >= 0, "a negative length")
            let lengths = head.headers.all("Content-Length").count,
                codings = head.headers.all("Transfer-Encoding").count
            try require(lengths == 0 || codings == 0, "framed in two ways")
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is a field's value or none`() throws {
        let now = Timestamp(seconds: 1_746_100_800)
        let fuzzer = Fuzzer(name: "header", seeds: utf8(Seeds.headers), words: Seeds.words)
        let (tried, taken) = try fuzzer.run { bytes, _ in
            let text = String(decoding: bytes, as: UTF8.self)
            let range = ContentRange(text)
            if let range { try require(0 <= range.first && range.first <= range.last, "a range that runs backwards") }
            let wait = RetryAfter.wait(text, now: now)
            if let wait { try require(.zero <= wait && wait <= RetryAfter.longest, "a wait of \(wait)") }
            let said = QuotaText(text)
            if let wait = said.retryAfter { try require(.zero < wait && wait <= RetryAfter.longest, "it says \(wait)") }
            let quota = Quota(text)
            if let quota { try require(quota.count >= 0, "a quota of \(quota.count)") }
            _ = NextLink.target(in: HTTPHeaders([("Link", text)]))
            let credential = Credential(registryAuth: text)
            let address = WebAddress(text)
            if let address {
                try require(WebAddress(address.description) == address, "an address that reads back other")
            }
            _ = Login(pair: text)
            return range != nil || wait != nil || quota != nil || credential != nil || address != nil
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is a refusal whose text is one line`() throws {
        let bodies = [
            "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no https://x/?sig=1\"}]}", "<Error><Code>A</Code></Error>",
            "plain\ntext",
        ]
        _ = try Fuzzer(name: "refusal", seeds: utf8(bodies), words: Seeds.words + ["hunter2"]).run { bytes, _ in
            let text = Refusal(bytes, secrets: ["hunter2"]).text ?? ""
            try require(!text.contains("hunter2"), "it tells a secret")
            try require(!text.contains { $0.isNewline } && text.count <= 700, "more than a line")
            return true
        }
    }
}
