internal import Coordination
internal import Glibc
internal import Hashing
public import OCI

extension LocalContentStore {
    @discardableResult
    public func ingest(
        _ descriptor: Descriptor, from source: String?, fill: @Sendable (any BlobWriter) async throws -> Void
    ) async throws -> IngestOutcome {
        guard descriptor.size >= 0 else { throw StorageError.invalidSize(descriptor.digest, size: descriptor.size) }
        return try await turns.withSlot(key: descriptor.digest.description, lane: 0) {
            if try await isPresent(descriptor) { return .alreadyPresent }
            try await bring(descriptor, from: source, fill)
            return .stored
        }
    }

    /// Whether the blob is there. What has its name and is not it goes into quarantine; a length other than the
    /// descriptor's proves neither wrong, so the bytes decide: else a hostile descriptor could drive out a good blob.
    /// They also decide of a file that is in doubt.
    func isPresent(_ descriptor: Descriptor) async throws -> Bool {
        let digest = descriptor.digest
        let path = layout.blob(digest)
        guard let status = try await lookups.run({ try FileStatus.of(path) }) else { return false }
        if status.kind == .regular {
            let isTrusted = try await trust.level(of: digest, status) != .unknown
            if isTrusted, status.size == descriptor.size { return true }
            let isIntact = try await labours.run {
                do {
                    let file = try OpenFile(path, O_RDONLY, to: "open")
                    file.dropCache()
                    return try file.hash(status.size, digest.algorithm).finalize() == digest
                } catch is StorageError { return false }
            }
            if isIntact {
                trust.note(digest, status)
                if status.size == descriptor.size { return true }
                throw StorageError.wrongSize(digest, claimed: descriptor.size, actual: status.size)
            }
        }
        try await setAside(digest, seen: status)
        return false
    }

    private func bring(
        _ descriptor: Descriptor, from source: String?, _ fill: @Sendable (any BlobWriter) async throws -> Void
    ) async throws {
        let directory = layout.ingest(descriptor.digest)
        let writer = try await labours.run { [observer, labours] in
            try directory.begin(descriptor, from: source, labours: labours, observer: observer)
        }
        active.withLock { $0[descriptor.digest] = writer }
        if let feed = feeds.withLock({ $0[descriptor.digest] }) { feed.follow(writer) }
        do {
            defer { active.withLock { $0[descriptor.digest] = nil } }
            try await complete(writer, descriptor, fill)
        } catch {
            writer.end(.ended)
            throw error
        }
        writer.end(.stored)
    }

    private func complete(
        _ writer: IngestWriter, _ descriptor: Descriptor, _ fill: @Sendable (any BlobWriter) async throws -> Void
    ) async throws {
        do {
            // With all bytes here already there is nothing a source could be asked for.
            if writer.held < descriptor.size || descriptor.size == 0 { try await fill(writer) }
        } catch {
            await end(writer, keeping: writer.failure == nil)
            throw error
        }
        do {
            await writer.quiesce()
            try await labours.run { try writer.settle() }
            try await publish(writer.directory)
            // Its rename has changed the file's times; the file is the one that was hashed and synced.
            trust.note(descriptor.digest, try writer.file.status())
        } catch {
            await end(writer, keeping: false)
            throw error
        }
    }

    func publish(_ directory: IngestDirectory) async throws {
        let path = layout.blob(directory.digest)
        try await change(directory.digest, revert: { Names.discard(path) }) { [observer] in
            try observer(.publish)
            try Names.rename(directory.data, to: path)
            // The directory is empty but for `state.json`. Should it stay, the next start or ingest removes it, so its
            // failure is not the blob's.
            do { try directory.discard() } catch {}
        }
    }

    /// Keeps the bytes for the next attempt when the source failed, and drops them when they or the disk did. The
    /// caller throws what ended the ingest; what goes wrong here must not hide it, and shows at the next attempt.
    private func end(_ writer: IngestWriter, keeping: Bool) async {
        defer { writer.close() }
        await writer.quiesce()
        do {
            try await labours.run {
                guard keeping else { return try writer.directory.discard() }
                do { try writer.directory.keep(writer) } catch { try writer.directory.discard() }
            }
        } catch {}
    }

    /// Moves a blob that is not what its name says into quarantine, if it is still the one that was looked at.
    func setAside(_ digest: Digest, seen: FileStatus) async throws {
        trust.forget(digest)
        try await change(digest) { [quarantine, layout] in
            try quarantine.take(layout.blob(digest), digest, seen: seen)
        }
    }
}
