internal import Catalogue
internal import Coordination
public import OCI
internal import Registry
internal import Storage

/// Brings blobs again that were lost or found damaged, from where they came.
public struct Healer: Sendable {
    /// How a lost blob ended.
    public enum Outcome: Sendable, Equatable {
        /// It is here again, verified, and its images are whole as far as it concerns.
        case healed
        /// No image needs it.
        case notNeeded
        /// It could not be brought again; its images are not whole until they are pulled again. With a sentence.
        case failed(String)
    }

    let store: any ContentStore
    let catalogue: Catalogue
    let collector: Collector
    let fetcher: any Fetcher
    let transfers: Transfers

    /// Takes the blob out of the catalogue, fetches it from the repository it was first fetched from, and enters its
    /// images again. Without credentials but those of the configuration.
    public func heal(_ digest: Digest) async -> Outcome {
        let lease = collector.lease()
        let outcome: Outcome
        do {
            try await lease.hold(digest)
            outcome = try await heal(digest, lease)
        } catch { outcome = .failed(sentence(for: error)) }
        // What was to be removed meanwhile is met again by the next collection.
        do { try await lease.end() } catch {}
        return outcome
    }

    private func heal(_ digest: Digest, _ lease: Lease) async throws -> Outcome {
        guard let lost = try await catalogue.lose([digest]).first, !lost.images.isEmpty else { return .notNeeded }
        guard let source = lost.source else { return .failed("nobody knows where it came from") }
        try await fetch(lost, from: try Repository(parsing: source))
        for image in lost.images {
            let reader = StoredImageReader(
                store: lease.store(store), source: lost.source, isPrivate: lost.isPrivate)
            try await catalogue.record(try await reader.entry(of: image), named: [])
        }
        return .healed
    }

    private func fetch(_ lost: LostBlob, from repository: Repository) async throws {
        let blob = lost.descriptor
        guard lost.role == .index || lost.role == .manifest else {
            let source = TransferSource(repository: repository, credential: nil)
            // Others may have been given the room that it had.
            let room = try await collector.room(for: [blob])
            defer { room?.end() }
            return try await transfers.bring(blob, from: source, lane: .max) { _ in }
        }
        let bytes = try await fetcher.document(
            blob, in: repository, limit: Manifest.maximumSize, credential: nil)
        try await store.ingest(blob) { try $0.replace(with: bytes) }
    }
}
