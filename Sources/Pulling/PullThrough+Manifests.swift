internal import Catalogue
internal import Coordination
public import OCI
internal import Registry
internal import Storage

/// A manifest or index, byte for byte as its registry gave it.
public struct MirroredManifest: Sendable {
    public let descriptor: Descriptor
    public let bytes: [UInt8]
    public let source: MirrorSource
    /// Of a tag: how long ago the registry confirmed what it means.
    public let age: Duration?
    /// The registry was asked again and did not answer.
    public let isUnconfirmed: Bool
}

extension PullThrough {
    /// The manifest or index that `reference` names.
    ///
    /// A manifest of an image is given only when everything it names is here or can be had: some clients cannot turn
    /// elsewhere once they have it.
    /// - Throws: a ``Fault``, or `CancellationError`.
    public func manifest(_ reference: Reference) async throws -> MirroredManifest {
        let reference = reference.forPull
        guard serves(reference.repository.domain) else {
            throw PullThroughError.notServed(reference.repository.domain)
        }
        let known = closedSoFar
        let meaning = try await meaning(of: reference)
        let descriptor = meaning?.descriptor
        guard let digest = reference.digest ?? descriptor?.digest else {
            throw PullThroughError.lacking(kind: .notFound, "manifest for \(reference.familiar) not found")
        }
        let place = Place(repository: reference.repository, digest: digest)
        let (bytes, isHere) = try await document(place, descriptor)
        let document = try Self.document(bytes, digest)
        try await checkServable(document, at: place)
        let found = Descriptor(
            mediaType: document.type(announced: descriptor), digest: digest, size: Int64(bytes.count))
        note(document, found, as: reference, since: known)
        catalogue.touch(digest)
        return MirroredManifest(
            descriptor: found, bytes: bytes, source: source(of: meaning, reference, isHere: isHere),
            age: meaning.map { age(of: $0) }, isUnconfirmed: meaning?.isUnconfirmed ?? false)
    }

    private func source(of meaning: Meaning?, _ reference: Reference, isHere: Bool) -> MirrorSource {
        guard isHere else { return .upstream }
        guard let meaning else { return .hit }
        return age(of: meaning) > belief(in: reference) ? .stale : .hit
    }

    // MARK: bytes

    /// A document out of the store, or from the registry by way of the store.
    private func document(_ place: Place, _ descriptor: Descriptor?) async throws -> (bytes: [UInt8], isHere: Bool) {
        if let bytes = try await held(place.digest) {
            let isShown = try await mayShow(place.digest, in: place.repository) {
                _ = try await asking(place.repository) {
                    try await registry.resolve(place.reference, credential: .anonymous)
                }
            }
            guard isShown else { throw PullThroughError.withheld(place.repository) }
            review(place, bytes)
            return (bytes, true)
        }
        return (
            try await patiently(fetching, place, place.text, patience.document) { [self] in
                try await fetch(place, descriptor)
            }, false
        )
    }

    /// The bytes of a manifest that is stored; `nil` for anything else.
    func held(_ digest: Digest) async throws -> [UInt8]? {
        do { return try await store.read(digest, limit: Manifest.maximumSize) } catch let fault as any Fault
            where [.notFound, .integrity, .invalidInput].contains(fault.kind)
        {
            return nil
        }
    }

    private func fetch(_ place: Place, _ descriptor: Descriptor?) async throws -> [UInt8] {
        let known = closedSoFar
        let repository = place.repository
        let access = try await access(to: repository) { credential in
            _ = try await registry.resolve(place.reference, credential: credential)
        }
        let resolution = try await asking(repository) {
            if let descriptor { return Resolution(descriptor: descriptor, host: repository.domain) }
            return try await registry.resolve(place.reference, credential: nil)
        }
        var bytes = resolution.body
        if bytes == nil {
            bytes = try await asking(repository) {
                try await registry.document(
                    resolution.descriptor, in: repository, limit: Manifest.maximumSize, credential: nil)
            }
        }
        guard let bytes else { throw PullThroughError.lacking(kind: .notFound, "\(place.text) has no content") }
        // Before it is kept: what another reader could take for something else is not passed on.
        _ = try Self.document(bytes, place.digest)
        let kept = Descriptor(
            mediaType: resolution.descriptor.mediaType, digest: place.digest, size: Int64(bytes.count))
        try await store.ingest(kept) { try $0.replace(with: bytes) }
        if !access.isPrivate { noteOpen(place, since: known) }
        return bytes
    }

    static func document(_ bytes: [UInt8], _ digest: Digest) throws -> ManifestDocument {
        do { return try ManifestDocument(parsing: bytes, mediaType: nil) } catch let error {
            throw PullThroughError.lacking(kind: .notFound, "\(digest) is no manifest that can be served: \(error)")
        }
    }

    /// Waits for work that is shared, as long as a client can be made to wait; what failed a moment ago fails at once.
    func patiently<Key: OfRepository, Value: Sendable>(
        _ shared: LastingWork<Key, Value>, _ key: Key, _ text: String, _ patience: Duration,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try checkLack(text)
        let registry = key.repository.domain
        let patience = slow[registry] == true ? min(patience, self.patience.silence) : patience
        do {
            return try await shared.run(key, within: patience) { [self] in
                do { return try await body() } catch {
                    noteLack(text, error)
                    throw error
                }
            }
        } catch is LastingWork<Key, Value>.OutOfPatience {
            slow[registry] = true
            throw PullThroughError.slow(text)
        } catch is LastingWork<Key, Value>.TooMuch {
            throw PullThroughError.busy
        }
    }

    // MARK: what it leads to

    /// Remembers what the document names: who has read it may read that, too, and will soon want to.
    private func note(
        _ document: ManifestDocument, _ descriptor: Descriptor, as reference: Reference, since known: Int
    ) {
        let repository = reference.repository
        let names =
            switch document {
            case .index(let index): index.manifests
            case .manifest(let manifest): [manifest.config] + manifest.layers
            }
        unlessClosed(since: known) {
            for name in names { named[Place(repository: repository, digest: name.digest)] = name }
        }
        let isPrivate = shown[descriptor.digest] != true
        // Nobody awaits it: the answer does not depend on the catalogue, which learns of whole images this way.
        Task { await assembly.served(document, descriptor, as: reference, isPrivate: isPrivate) }
    }

    /// Whether whoever gets this document will find the rest.
    private func checkServable(_ document: ManifestDocument, at place: Place) async throws {
        switch document {
        case .manifest(let manifest):
            let missing = try await missing(of: manifest)
            guard !missing.isEmpty else { return }
            // A blob that has no place is as good as one that cannot be had.
            try await work.collector.checkRoom(for: missing)
            let isFetchable = try await patiently(
                assuring, place, "assurance of \(place.text)", patience.blob
            ) { [self] in
                try await assure(missing, in: place.repository)
                return true
            }
            guard isFetchable else { throw PullThroughError.incomplete(place.digest, "its blobs cannot be had") }
        case .index(let index):
            guard silent[place.repository.domain] == true else { return }
            for child in index.manifests where child.mediaType.isManifest || child.mediaType.isIndex {
                guard let bytes = try await held(child.digest) else { continue }
                guard case .manifest(let manifest) = try Self.document(bytes, child.digest) else { return }
                if try await missing(of: manifest).isEmpty { return }
            }
            throw PullThroughError.incomplete(
                place.digest, "no platform of it is here, and \(place.repository.domain) does not answer")
        }
    }

    func missing(of manifest: Manifest) async throws -> [Descriptor] {
        var missing: [Descriptor] = []
        for blob in [manifest.config] + manifest.distinctLayers
        where try await store.size(of: blob.digest) != blob.size { missing.append(blob) }
        return missing
    }

    /// Asks for the first byte of each: what the registry gives now it will most likely give in a second.
    private func assure(_ blobs: [Descriptor], in repository: Repository) async throws {
        var seen = Set<Digest>()
        let unknown = blobs.filter { blob in
            blob.data == nil && fetchable[Place(repository: repository, digest: blob.digest)] == nil
                && seen.insert(blob.digest).inserted && !flights.withLock { $0.keys.contains(blob.digest) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (count, blob) in unknown.enumerated() {
                if count >= 16 { try await group.next() }
                group.addTask { [self] in
                    let place = Place(repository: repository, digest: blob.digest)
                    try checkLack(place.text)
                    let size = try await probe(place)
                    guard size == blob.size else {
                        throw PullThroughError.incomplete(blob.digest, "it has \(size) bytes and not \(blob.size)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// The length of a blob that can be had.
    func probe(_ place: Place) async throws -> Int64 {
        let known = closedSoFar
        // Who may read is found out by the same question.
        let told = Locked<Int64?>(nil)
        let access = try await access(to: place.repository) { credential in
            let size = try await registry.size(of: place.digest, in: place.repository, credential: credential)
            told.withLock { $0 = size }
        }
        let size = try await asking(place.repository) {
            if let size = told.withLock({ $0 }) { return size }
            return try await registry.size(of: place.digest, in: place.repository, credential: nil)
        }
        unlessClosed(since: known) {
            fetchable[place] = size
            if !access.isPrivate { shown[place.digest] = true }
        }
        return size
    }
}

/// What a registry can be asked about.
protocol OfRepository: Hashable, Sendable {
    var repository: Repository { get }
}

extension Reference: OfRepository {}

extension Repository: OfRepository {
    var repository: Repository { self }
}

extension Place: OfRepository {
    var reference: Reference { Reference(repository, tag: nil, digest: digest) }
    var text: String { "\(repository.familiar)@\(digest)" }
}

extension ManifestDocument {
    /// The type to announce: what the document says of itself, else what it was announced as, else what it is built as.
    func type(announced: Descriptor?) -> MediaType {
        switch self {
        case .manifest(let manifest):
            manifest.mediaType ?? announced.map(\.mediaType).flatMap { $0.isManifest ? $0 : nil } ?? .ociManifest
        case .index(let index):
            index.mediaType ?? announced.map(\.mediaType).flatMap { $0.isIndex ? $0 : nil } ?? .ociIndex
        }
    }
}
