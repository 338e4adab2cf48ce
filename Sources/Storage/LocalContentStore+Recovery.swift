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

/// What one reading of the blobs' directories found, against what was recorded.
public struct BlobSurvey: Sendable {
    /// Not what was recorded, or no file.
    var wrong: [(digest: Digest, seen: FileStatus, isRecorded: Bool)] = []
    var missing: [Digest] = []
    var unrecorded = 0, foreign = 0, suspects = 0
    /// Of all regular files under blobs' names.
    var bytes: Int64 = 0
    /// When the last of them changed, in seconds.
    var newest: Int64 = 0
}

extension LocalContentStore {
    /// Blobs written within this many seconds before the last one may not have reached the medium as they should.
    private static let suspicion: Int64 = 600

    /// Uses `records` from here on, to know which blobs were verified before this start.
    public func use(_ records: any BlobRecords) { trust.use(records, suspects: nil) }

    /// Tells the records what has been verified or removed since the last call.
    public func flushRecords() async throws { try await trust.flush() }

    /// Gives a file of the state directory another's name, durably.
    public func rename(_ old: String, to new: String) async throws {
        try await labours.run { [layout] in
            try Names.rename(FilePath(old), to: FilePath(new))
            try OpenFile(directory: layout.root).sync()
        }
    }

    /// Reads the directories of the blobs once, without hashing, and changes nothing: for the start after an unclean
    /// stop, before anything else uses the store.
    /// - Parameter recorded: every recorded blob with its length in bytes.
    public func survey(recorded: [Digest: Int64]) async throws -> BlobSurvey {
        let changes = tally.changes
        let survey = try await labours.run { [layout] in
            try layout.survey(recorded: recorded, suspicion: Self.suspicion)
        }
        tally.set(survey.bytes, asOf: changes)
        return survey
    }

    /// Settles the store with what was recorded, before anything else uses it.
    public func settle(_ survey: BlobSurvey, records: any BlobRecords) async throws -> Settlement {
        var settlement = Settlement()
        settlement.foreign = survey.foreign
        settlement.unrecorded = survey.unrecorded
        settlement.suspects = survey.suspects
        for (digest, seen, isRecorded) in survey.wrong {
            try await setAside(digest, seen: seen)
            if isRecorded { settlement.missing.append(digest) }
        }
        for digest in survey.missing { trust.forget(digest) }
        settlement.missing = (settlement.missing + survey.missing).sorted()
        trust.use(records, suspects: survey.newest - Self.suspicion...survey.newest)
        return settlement
    }
}

extension StoreLayout {
    /// Keeps little of what it sees: there may be very many blobs.
    fileprivate func survey(recorded: [Digest: Int64], suspicion: Int64) throws -> BlobSurvey {
        var survey = BlobSurvey()
        var recent: [Int64] = []
        var known = 0
        for algorithm in Digest.Algorithm.allCases {
            let path = blobs(algorithm)
            let directory = try OpenFile(directory: path)
            try FileTree.forEachName(in: path) { name throws(StorageError) in
                guard let digest = Digest(hex: name, algorithm) else {
                    survey.foreign += 1
                    return
                }
                var status = stat()
                guard fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
                let found = FileStatus(status)
                let size = recorded[digest]
                if size != nil { known += 1 }
                survey.take(digest, found, recorded: size)
                if found.changed.seconds >= survey.newest - suspicion { recent.append(found.changed.seconds) }
                survey.newest = max(survey.newest, found.changed.seconds)
            }
        }
        survey.suspects = recent.count { $0 >= survey.newest - suspicion }
        if known < recorded.count {
            survey.missing = try recorded.keys.filter { try FileStatus.of(blob($0)) == nil }
        }
        return survey
    }
}

extension BlobSurvey {
    fileprivate mutating func take(_ digest: Digest, _ found: FileStatus, recorded size: Int64?) {
        if found.kind == .regular { bytes += found.size }
        if let size, found.size == size, found.kind == .regular { return }
        if size == nil, found.kind == .regular {
            unrecorded += 1
        } else {
            wrong.append((digest, found, size != nil))
        }
    }
}
