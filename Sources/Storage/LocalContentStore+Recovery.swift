internal import Glibc
public import OCI
internal import SystemPackage

/// What a look at the blobs' names found after an unclean stop, against what was recorded.
public struct Settlement: Sendable, Equatable {
    /// Recorded, and not there, or there with another length or kind: those went into quarantine.
    public var missing: [Digest] = []
    /// There, whole or not, and recorded nowhere: kept, and hashed before anybody is given them.
    public var unrecorded = 0
    /// Written shortly before the end: hashed from the medium before their first use.
    public var suspects = 0
    /// Names that no blob has. They are left alone and never served.
    public var foreign = 0

    /// Nothing found.
    public init() {}
}

/// What one reading of the blobs' directories found.
public struct BlobSurvey: Sendable {
    let found: [Digest: FileStatus]
    let foreign: Int
}

extension LocalContentStore {
    /// Blobs written within this many seconds before the last one may not have reached the medium as they should.
    private static let suspicion: Int64 = 600

    /// Uses `records` from here on, to know which blobs were verified before this start.
    public func use(_ records: any BlobRecords) { trust.use(records, suspects: []) }

    /// Tells the records what has been verified or removed since the last call.
    public func flushRecords() async throws { try await trust.flush() }

    /// Gives a file of the state directory another's name, durably.
    public func rename(_ old: String, to new: String) async throws {
        try await labours.run { [layout] in
            try Names.rename(FilePath(old), to: FilePath(new))
            try OpenFile(directory: layout.root).sync()
        }
    }

    /// Reads the directories of the blobs once, without hashing: for the start after an unclean stop, before anything
    /// else uses the store.
    public func survey() async throws -> BlobSurvey {
        let survey = try await labours.run { [layout] in try layout.survey() }
        let regular = survey.found.values.lazy.filter { $0.kind == .regular }
        tally.set(regular.reduce(0) { $0 + $1.size }, asOf: tally.changes)
        return survey
    }

    /// Settles what is recorded with what was found on disk, before anything else uses the store.
    /// - Parameter recorded: every recorded blob with its length in bytes.
    public func settle(
        _ survey: BlobSurvey, recorded: [Digest: Int64], records: any BlobRecords
    ) async throws -> Settlement {
        let found = survey.found
        var settlement = Settlement()
        settlement.foreign = survey.foreign
        for (digest, status) in found {
            if let size = recorded[digest], status.size == size, status.kind == .regular { continue }
            if recorded[digest] == nil, status.kind == .regular {
                settlement.unrecorded += 1
            } else {
                try await setAside(digest, seen: status)
                if recorded[digest] != nil { settlement.missing.append(digest) }
            }
        }
        for digest in recorded.keys where found[digest] == nil {
            trust.forget(digest)
            settlement.missing.append(digest)
        }
        let newest = found.values.map(\.changed.seconds).max() ?? 0
        let suspects = found.filter { $0.value.changed.seconds >= newest - Self.suspicion }.map(\.key)
        settlement.suspects = suspects.count
        settlement.missing.sort()
        trust.use(records, suspects: Set(suspects))
        return settlement
    }
}

extension StoreLayout {
    /// What is under the names of blobs, and how many other names there are.
    fileprivate func survey() throws -> BlobSurvey {
        var found: [Digest: FileStatus] = [:]
        var foreign = 0
        for algorithm in Digest.Algorithm.allCases {
            let path = blobs(algorithm)
            let directory = try OpenFile(directory: path)
            for name in try FileTree.names(in: path) {
                guard let digest = Digest(hex: name, algorithm) else {
                    foreign += 1
                    continue
                }
                var status = stat()
                guard fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
                found[digest] = FileStatus(status)
            }
        }
        return BlobSurvey(found: found, foreign: foreign)
    }
}
