import FoundationEssentials
import Glibc
import OCI
import SystemPackage
import Synchronization
import TestSupport

@testable import Storage

/// Runs `body` with the path of a state directory that does not exist yet, and removes it after.
func withStateDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let parent = FileManager.default.temporaryDirectory.appending(path: "layerd-store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(parent.appending(path: "state").path)) } catch { result = .failure(error) }
    try FileManager.default.removeItem(at: parent)
    return try result.get()
}

/// Runs `body` with a directory that is a file system of its own in memory, mounted with these options.
func withSmallFileSystem<Result>(_ options: String, _ body: (String) async throws -> Result) async throws -> Result {
    try await withStateDirectory { directory in
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        guard mount("tmpfs", directory, "tmpfs", 0, options) == 0 else { throw MountFailure(code: errno) }
        defer { umount2(directory, Int32(MNT_DETACH)) }
        return try await body(directory + "/state")
    }
}

struct MountFailure: Error {
    let code: Int32
}

let mayMount = geteuid() == 0

/// Where the blob of a digest is, and the ingest.
func blobPath(_ digest: Digest, in root: String) -> String {
    "\(root)/store/blobs/\(digest.algorithm)/\(digest.hex)"
}

func ingestPath(_ digest: Digest, in root: String) -> String {
    "\(root)/ingest/\(digest.algorithm)-\(digest.hex)"
}

func names(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
}

func contents(of path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

/// Makes the file anew: what is there may be read-only.
func write(_ bytes: [UInt8], to path: String) throws {
    if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    try Data(bytes).write(to: URL(filePath: path))
}

/// Leaves an ingest behind that broke off after `count` bytes.
func interrupt(_ blob: SampleBlob, after count: Int, in store: any ContentStore) async throws {
    do {
        try await store.ingest(blob.descriptor) { writer in
            try writer.append(blob, 0..<count)
            throw Interruption()
        }
    } catch is Interruption {}
}

struct Interruption: Error {}

/// The steps that a store took, and what is to happen at them.
final class Steps: Sendable {
    private let seen = Mutex<[StorageStep]>([])
    private let action: @Sendable (Int, StorageStep) throws(StorageError) -> Void

    /// `action` gets the number of the step, from 0.
    init(_ action: @escaping @Sendable (Int, StorageStep) throws(StorageError) -> Void = { _, _ in }) {
        self.action = action
    }

    var all: [StorageStep] { seen.withLock { $0 } }

    var observer: StepObserver {
        { step throws(StorageError) in
            let number = self.seen.withLock { seen in
                seen.append(step)
                return seen.count - 1
            }
            try self.action(number, step)
        }
    }

    func store(_ root: String, quarantineBudget: Int64 = Quarantine.budget) async throws -> LocalContentStore {
        try await LocalContentStore(root: root, quarantineBudget: quarantineBudget, observer: observer)
    }
}

extension StorageError {
    static let broken = StorageError.system(SystemFailure("sync", "/somewhere", .ioError))
}
