internal import OCI
internal import SystemPackage

/// Where everything is under the state directory.
struct StoreLayout: Sendable {
    let root: FilePath

    init(root: String) { self.root = FilePath(root) }

    /// The image layout, which other tools may read.
    var store: FilePath { root.appending("store") }
    var blobs: FilePath { store.appending("blobs") }
    var layoutFile: FilePath { store.appending("oci-layout") }
    var indexFile: FilePath { store.appending("index.json") }
    /// Transfers in progress or interrupted.
    var ingest: FilePath { root.appending("ingest") }
    /// Blobs that failed verification.
    var quarantine: FilePath { root.appending("quarantine") }

    func blobs(_ algorithm: Digest.Algorithm) -> FilePath { blobs.appending(algorithm.rawValue) }
    func blob(_ digest: Digest) -> FilePath { blobs(digest.algorithm).appending(digest.hex) }
    func ingest(_ digest: Digest) -> IngestDirectory {
        IngestDirectory(path: ingest.appending(digest.fileName), digest: digest)
    }

    /// The ingests there are, without whatever else lies there.
    func ingests() throws(StorageError) -> [IngestDirectory] {
        var found: [IngestDirectory] = []
        for name in try FileTree.names(in: ingest) {
            guard let digest = Digest(fileName: name) else { continue }
            found.append(self.ingest(digest))
        }
        return found
    }

    /// The blobs there are, in no order, without whatever else lies there.
    func forEachBlob(_ body: (Digest, FileStatus) -> Void) throws(StorageError) {
        for algorithm in Digest.Algorithm.allCases {
            try FileTree.forEachStatus(in: blobs(algorithm)) { name, status throws(StorageError) in
                guard status.kind == .regular, let digest = Digest(hex: name, algorithm) else { return }
                body(digest, status)
            }
        }
    }

    /// The same as a list, with their sizes.
    func blobList() throws(StorageError) -> [(digest: Digest, size: Int64)] {
        var found: [(digest: Digest, size: Int64)] = []
        try forEachBlob { found.append(($0, $1.size)) }
        return found
    }
}

extension Digest {
    /// `sha256-<hex>`: a digest as one name in a directory.
    var fileName: String { "\(algorithm.rawValue)-\(hex)" }

    /// A blob's name in the directory of its algorithm; `nil` for every other name.
    init?(hex: String, _ algorithm: Algorithm) {
        do { try self.init(parsing: "\(algorithm.rawValue):\(hex)") } catch { return nil }
    }

    /// `nil` for every other name.
    init?(fileName: String) {
        guard let dash = fileName.firstIndex(of: "-") else { return nil }
        let text = "\(fileName[..<dash]):\(fileName[fileName.index(after: dash)...])"
        do { try self.init(parsing: text) } catch { return nil }
    }
}
