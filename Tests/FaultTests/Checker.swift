import Coordination
import Hashing
import OCI
import TestSupport

/// What must hold after whatever happened, as sentences about what does not.
extension Victim {
    /// Every visible blob, hashed.
    func wrongBlobs() throws -> [String] {
        var wrong: [String] = []
        for algorithm in Digest.Algorithm.allCases {
            let folder = state + "/store/blobs/\(algorithm.rawValue)"
            guard Files.size(folder) != nil else { continue }
            for name in try Files.list(folder) {
                guard let digest = try? Digest(parsing: "\(algorithm.rawValue):\(name)") else {
                    wrong.append("\(name) is visible and no blob")
                    continue
                }
                if !digest.matches(try Files.read("\(folder)/\(name)")) {
                    wrong.append("\(digest) is visible and wrong")
                }
            }
        }
        return wrong
    }

    /// Starts the daemon again, without a shim, and compares what it says with the journal.
    func findings(of images: [String: GeneratedImage]) async throws -> [String] {
        var findings = try wrongBlobs()
        guard let daemon = try await start() else { return findings + ["the daemon does not start again"] }
        findings += try await compare(images)
        let open = journal.withLock { $0.open }
        if let name = open ?? images.keys.sorted().first, images[name] != nil, try await pull(name) == false {
            findings.append("\(name) cannot be pulled afterwards")
        }
        findings += try wrongBlobs()
        if try await daemon.stop() != 0 { findings.append("it does not stop as it should") }
        return findings
    }

    /// What a running daemon lists that the journal does not, or the other way round.
    func compare(_ images: [String: GeneratedImage]) async throws -> [String] {
        guard let text = try await ask("GET", "/images/json?all=1") else { return ["it does not list images"] }
        let listed = Set(
            try JSON(parsing: text.utf8).array?.flatMap { $0["RepoTags"]?.array?.compactMap(\.string) ?? [] } ?? [])
        let journal = journal.withLock { $0 }
        var findings: [String] = []
        for name in journal.present.sorted() where name != journal.open {
            if !listed.contains("\(name):latest") { findings.append("\(name) was acknowledged and is lost") }
            for digest in images[name]?.blobsOfHost ?? [] where Files.size(blobPath(digest)) == nil {
                findings.append("\(name) was acknowledged and lacks \(digest)")
            }
        }
        for name in journal.absent.sorted() where name != journal.open && listed.contains("\(name):latest") {
            findings.append("\(name) was removed and is back")
        }
        return findings
    }

    private func blobPath(_ digest: Digest) -> String {
        state + "/store/blobs/\(digest.algorithm.rawValue)/\(digest.hex)"
    }
}

extension GeneratedImage {
    /// What a pull for this machine brings; these images have one platform.
    var blobsOfHost: [Digest] { (documents + blobs).map(\.digest) }
}
