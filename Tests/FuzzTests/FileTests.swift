import OCI
import TestSupport
import Testing

@testable import Daemon
@testable import Keyring
@testable import Storage
@testable import Warming

/// Files that people and other programs write, and those that a crash may have left half written.
@Suite(.serialized) struct `A file from outside` {
    @Test func `is docker's configuration or none`() throws {
        let fuzzer = Fuzzer(name: "docker-config", seeds: utf8(Seeds.dockerConfigs), words: Seeds.words)
        let (tried, taken) = try fuzzer.run { bytes, _ in
            guard let config = try? DockerConfig(bytes, path: "config.json") else { return false }
            for registry in ["r.example", "docker.io", "r.example:5000"] {
                guard let keeper = try? config.keeper(of: registry, path: "config.json") else { continue }
                if case .helper(let helper) = keeper {
                    try require(!helper.program.utf8.contains(UInt8(ascii: "/")), "a helper at a path")
                }
            }
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `tells of an ingest or says nothing`() throws {
        let fuzzer = Fuzzer(name: "ingest", seeds: utf8(Seeds.ingests), words: Seeds.words)
        let (tried, taken) = try fuzzer.run { bytes, _ in
            guard let state = IngestState(parsing: bytes) else { return false }
            try require(IngestState(parsing: state.json.serialized()) == state, "it reads back as another")
            for length in [0, 1, state.size, .max] as [Int64] {
                let held = state.held(inFileOfLength: length, boot: "now")
                try require(held.end <= min(length, state.size), "it claims what is not there")
            }
            return true
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is layerd's configuration or an error with its line`() throws {
        let fuzzer = Fuzzer(name: "settings", seeds: utf8(Seeds.settings), words: Seeds.words + ["[", "]]", "\"\"\""])
        let (tried, taken) = try fuzzer.run { bytes, _ in
            do {
                _ = try Configuration.parse(String(decoding: bytes, as: UTF8.self), file: "layerd.toml")
                return true
            } catch let errors as ConfigurationErrors {
                try require(!errors.errors.isEmpty, "it is refused for nothing")
                return false
            }
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `names images or says what is wrong`() throws {
        let names = ["list", "compose.yaml", "Dockerfile", "a.container", "x"]
        let fuzzer = Fuzzer(
            name: "warm", seeds: utf8(Seeds.warmFiles), words: Seeds.words + ["image:", "FROM ", "${A:-"])
        let (tried, taken) = try fuzzer.run { bytes, random in
            let name = names.randomElement(using: &random) ?? "x"
            let found = WarmFile.wishes(in: String(decoding: bytes, as: UTF8.self), named: name)
            for wish in found.wishes { try require((try? WarmName(wish.image)) != nil, "\(wish.image) is no name") }
            return !found.wishes.isEmpty
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }
}
