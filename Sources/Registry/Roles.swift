public import OCI

/// What a reference means at its registry now.
public struct Resolution: Sendable {
    /// The manifest or index: its type, digest and length.
    public var descriptor: Descriptor
    /// Its bytes, checked against the descriptor, when finding out took fetching them.
    public var body: [UInt8]?
    /// The host that answered, with its port where that is not the scheme's.
    public var host: String

    /// Makes a resolution of its parts.
    public init(descriptor: Descriptor, body: [UInt8]? = nil, host: String) {
        self.descriptor = descriptor
        self.body = body
        self.host = host
    }
}

/// Takes one blob's bytes in order. `receive` and `restart` are called on the HTTP client's thread or by the task that
/// fetches, never at the same time, so they must neither wait nor be slow.
public protocol BlobReceiver: AnyObject, Sendable {
    /// Bytes held: where the next one belongs.
    var offset: Int64 { get }
    /// Forgets the bytes held: the next one belongs at 0.
    func restart() throws
    /// Takes the bytes that follow, valid during the call.
    func receive(_ bytes: RawSpan) throws
    /// Hears that the transfer broke and goes on after `delay`; `attempt` counts those without progress, from 1.
    func retrying(after delay: Duration, attempt: Int)
    /// No more bytes are to come in a time than this allows; `nil` for as many as can. Asked before each `receive`.
    var pace: Pace? { get }
}

extension BlobReceiver {
    public var pace: Pace? { nil }
}

/// Finds out what names mean.
public protocol Resolver: Sendable {
    /// What `reference` means at its registry. Asked by HEAD, which costs no allowance at Docker Hub, unless the
    /// registry does not tell enough that way, or the reference is a digest, whose document will be needed anyway.
    /// Without a credential the configuration's is used.
    /// - Throws: a ``RegistryError``, or `CancellationError`.
    func resolve(_ reference: Reference, credential: Credential?) async throws -> Resolution

    /// The tags of `repository`, in the registry's order.
    /// - Throws: a ``RegistryError``, or `CancellationError`.
    func tags(of repository: Repository, credential: Credential?) async throws -> [String]

    /// Whether a request that brings no credential is made with one that is kept here: then what comes may be for its
    /// owner alone.
    func showsCredential(to registry: String) async -> Bool
}

extension Resolver {
    /// Nothing is kept.
    public func showsCredential(to registry: String) async -> Bool { false }
}

/// Brings content by digest.
public protocol Fetcher: Sendable {
    /// A manifest, index, config or other small blob of at most `limit` bytes, its length and digest checked.
    /// - Throws: a ``RegistryError``, or `CancellationError`.
    func document(
        _ descriptor: Descriptor, in repository: Repository, limit: Int, credential: Credential?
    ) async throws -> [UInt8]

    /// Pours a blob into `receiver`, from `receiver.offset` on; returns when it has exactly `descriptor.size` bytes.
    /// Broken transfers are resumed in here. The digest is the receiver's to check: it may hold bytes of an earlier
    /// attempt.
    /// - Throws: a ``RegistryError``, what the receiver threw, or `CancellationError`; what was received stays.
    func blob(
        _ descriptor: Descriptor, in repository: Repository, credential: Credential?, into receiver: any BlobReceiver
    ) async throws

    /// Pours the bytes of `range` into `receiver`, whose offset is where the next of them belongs and which is never
    /// restarted. Broken transfers are resumed in here; the digest is not checked. `route` is shared by all parts of
    /// one transfer.
    /// - Throws: ``PartsUnavailable`` when the place answers with anything but that part; a ``RegistryError``, what the
    ///   receiver threw, or `CancellationError`; what was received stays.
    func part(
        _ range: Range<Int64>, of descriptor: Descriptor, in repository: Repository, credential: Credential?,
        route: BlobRoute, into receiver: any BlobReceiver
    ) async throws

    /// Asks, without a request, whether a manifest may be fetched on behalf of `purpose` now.
    /// - Throws: a ``RegistryError`` when what is left of the registry's allowance is kept for people.
    func admit(_ purpose: FetchPurpose, to repository: Repository, credential: Credential?) async throws
}

/// On whose behalf content is fetched.
public enum FetchPurpose: Int, Sendable, Comparable {
    /// A program that keeps images warm: it comes last, and leaves a part of a registry's allowance alone.
    case warm
    /// Somebody who waits.
    case interactive

    public static func < (left: FetchPurpose, right: FetchPurpose) -> Bool { left.rawValue < right.rawValue }
}

extension Fetcher {
    /// For fetchers that know of no allowance.
    public func admit(_ purpose: FetchPurpose, to repository: Repository, credential: Credential?) async throws {}
}
