internal import Coordination
internal import Glibc
internal import Hashing
public import OCI

extension LocalContentStore {
    public func size(of digest: Digest) async throws -> Int64? {
        try await lookups.run { [layout] in
            guard let status = try FileStatus.of(layout.blob(digest)), status.kind == .regular else { return nil }
            return status.size
        }
    }

    public func read(_ digest: Digest, limit: Int) async throws -> [UInt8] {
        let (file, status) = try await find(digest)
        guard status.size <= limit else {
            throw StorageError.tooLarge(digest, size: status.size, limit: limit)
        }
        let found: Result<[UInt8], Damage> = try await lookups.run { file.verified(digest, size: Int(status.size)) }
        switch found {
        case .success(let bytes):
            trust.note(digest, status)
            return bytes
        case .failure(let damage): throw await damaged(digest, damage.reason, seen: status)
        }
    }

    public func open(_ digest: Digest) async throws -> BlobFile {
        let (file, status) = try await find(digest)
        var level = try await trust.level(of: digest, status)
        if level == .unknown {
            try await examine(digest, file, status)
            level = .verified
        }
        return try file.shared(size: status.size, isVerified: level == .verified)
    }

    public func concluded(_ digest: Digest, _ file: BlobFile, actual: Digest) async throws {
        let status = try await lookups.run { try FileStatus(of: file) }
        guard actual == digest else {
            throw await damaged(digest, "its bytes hash to \(actual)", seen: status)
        }
        trust.note(digest, status)
    }

    public func remove(_ digest: Digest) async throws {
        trust.forget(digest)
        try await change(digest) { [layout] in try Names.unlink(layout.blob(digest)) }
    }

    /// Hashes a blob that is in doubt, from the medium: the page cache may hold what the disk does not.
    private func examine(_ digest: Digest, _ file: OpenFile, _ status: FileStatus) async throws {
        try await examinations.withSlot(key: digest.description, lane: 0) {
            guard try await trust.level(of: digest, status) == .unknown else { return }
            let actual: Digest
            do {
                actual = try await labours.run {
                    file.dropCache()
                    return try file.hash(status.size, digest.algorithm).finalize()
                }
            } catch let error as StorageError {
                throw await damaged(digest, "\(error)", seen: status)
            }
            guard actual == digest else {
                throw await damaged(digest, "its bytes hash to \(actual)", seen: status)
            }
            trust.note(digest, status)
        }
    }

    /// Opens the blob. What is no regular file was never put there by us.
    func find(_ digest: Digest) async throws -> (OpenFile, FileStatus) {
        let path = layout.blob(digest)
        let found = try await lookups.run { () throws -> (file: OpenFile?, status: FileStatus)? in
            guard let status = try FileStatus.of(path) else { return nil }
            guard status.kind == .regular else { return (nil, status) }
            do {
                let file = try OpenFile(path, O_RDONLY, to: "open")
                return (file, try file.status())
            } catch let error as StorageError where error.isNoSuchFile { return nil }
        }
        guard let found else { throw StorageError.notFound(digest) }
        guard let file = found.file else { throw await damaged(digest, "it is no regular file", seen: found.status) }
        return (file, found.status)
    }

    /// Puts the blob into quarantine and returns the error that says so.
    func damaged(_ digest: Digest, _ reason: String, seen: FileStatus) async -> any Error {
        do {
            try await setAside(digest, seen: seen)
            lose.yield(digest)
            return StorageError.damaged(digest, reason: reason, quarantine: nil)
        } catch let error as StorageError {
            return StorageError.damaged(digest, reason: reason, quarantine: error)
        } catch {
            return error
        }
    }
}

/// How a stored blob is not what its name says.
private struct Damage: Error {
    let reason: String
}

extension OpenFile {
    /// The same open file under a descriptor of its own, for serving.
    func shared(size: Int64, isVerified: Bool) throws(StorageError) -> BlobFile {
        let copy = try systemCall("open", path) { Int(fcntl(descriptor, F_DUPFD_CLOEXEC, 0)) }
        return BlobFile(descriptor: Int32(copy), size: size, isVerified: isVerified)
    }

    /// The whole file, if it is `size` bytes that hash to `digest`.
    fileprivate func verified(_ digest: Digest, size: Int) -> Result<[UInt8], Damage> {
        var bytes = [UInt8](repeating: 0, count: size)
        do throws(StorageError) {
            let count = try read(size, into: &bytes, at: 0)
            guard count == size else { return .failure(Damage(reason: "it ends after \(count) of \(size) bytes")) }
        } catch {
            return .failure(Damage(reason: "\(error)"))
        }
        return digest.matches(bytes) ? .success(bytes) : .failure(Damage(reason: "its bytes hash to another digest"))
    }
}
