internal import Coordination
internal import Hashing
public import OCI

/// A manifest or index as it is served.
struct StoredManifest: Sendable {
    var mediaType: MediaType
    var source: any BlobSource
}

/// One repository of the stand-in.
struct StoredRepository: Sendable {
    var tags: [String: Digest] = [:]
    var manifests: [Digest: StoredManifest] = [:]
    var blobs: [Digest: any BlobSource] = [:]
    /// The accounts that may pull; `nil` is everybody.
    var readers: Set<String>?
}

/// What a stand-in serves, by repository name without a host (`library/alpine`). May change while it serves.
public final class HubContent: Sendable {
    private let repositories = Locked<[String: StoredRepository]>([:])

    init() {}

    /// Adds an image with all it names, under these tags.
    public func add(_ image: GeneratedImage, to repository: String, tags: [String] = ["latest"]) {
        repositories.withLock { repositories in
            var stored = repositories[repository] ?? StoredRepository()
            for document in image.documents {
                let type = document.descriptor.mediaType
                stored.manifests[document.digest] = StoredManifest(mediaType: type, source: document.source)
            }
            for blob in image.blobs { stored.blobs[blob.digest] = blob.source }
            for tag in tags { stored.tags[tag] = image.digest }
            repositories[repository] = stored
        }
    }

    /// Adds one blob.
    public func add(_ blob: any BlobSource, digest: Digest, to repository: String) {
        repositories.withLock { $0[repository, default: StoredRepository()].blobs[digest] = blob }
    }

    /// Adds one manifest of any bytes, well-formed or not, and returns its digest.
    @discardableResult
    public func addManifest(
        _ bytes: [UInt8], mediaType: MediaType, to repository: String, tags: [String] = []
    ) -> Digest {
        let digest = Digest.sha256(of: bytes)
        add(
            StoredManifest(mediaType: mediaType, source: BytesSource(bytes)), digest: digest, to: repository, tags: tags
        )
        return digest
    }

    func add(_ manifest: StoredManifest, digest: Digest, to repository: String, tags: [String]) {
        repositories.withLock { repositories in
            repositories[repository, default: StoredRepository()].manifests[digest] = manifest
            for tag in tags { repositories[repository, default: StoredRepository()].tags[tag] = digest }
        }
    }

    /// Makes a tag point to a digest; `nil` takes the tag away.
    public func setTag(_ tag: String, of repository: String, to digest: Digest?) {
        repositories.withLock { $0[repository, default: StoredRepository()].tags[tag] = digest }
    }

    /// Lets only these accounts pull from a repository; `nil` makes it public again.
    public func restrict(_ repository: String, to accounts: Set<String>?) {
        repositories.withLock { $0[repository, default: StoredRepository()].readers = accounts }
    }

    /// Takes a blob or manifest away from every repository, as a registry that lost it.
    public func remove(_ digest: Digest) {
        repositories.withLock { repositories in
            for name in repositories.keys {
                repositories[name]?.blobs[digest] = nil
                repositories[name]?.manifests[digest] = nil
            }
        }
    }

    /// The names of all repositories, sorted.
    public var repositoryNames: [String] { repositories.withLock { $0.keys.sorted() } }

    /// What a tag points to.
    public func digest(of tag: String, in repository: String) -> Digest? {
        repositories.withLock { $0[repository]?.tags[tag] }
    }

    /// The tags of a repository, sorted; `nil` when there is no such repository.
    public func tags(of repository: String) -> [String]? {
        repositories.withLock { $0[repository]?.tags.keys.sorted() }
    }

    /// Whether `account` (`nil`: anybody) may pull from an existing repository.
    func allows(_ account: String?, _ repository: String) -> Bool {
        repositories.withLock { repositories in
            guard let stored = repositories[repository] else { return false }
            guard let readers = stored.readers else { return true }
            return account.map(readers.contains) ?? false
        }
    }

    /// A manifest by tag or digest.
    func manifest(_ reference: String, in repository: String) -> (digest: Digest, manifest: StoredManifest)? {
        repositories.withLock { repositories in
            guard let stored = repositories[repository] else { return nil }
            let digest = reference.contains(":") ? try? Digest(parsing: reference) : stored.tags[reference]
            guard let digest, let manifest = stored.manifests[digest] else { return nil }
            return (digest, manifest)
        }
    }

    func blob(_ digest: Digest, in repository: String) -> (any BlobSource)? {
        repositories.withLock { $0[repository]?.blobs[digest] }
    }

    /// A blob of any repository, as a CDN has it.
    func blob(_ digest: Digest) -> (any BlobSource)? {
        repositories.withLock { repositories in
            for stored in repositories.values {
                if let blob = stored.blobs[digest] { return blob }
            }
            return nil
        }
    }
}
