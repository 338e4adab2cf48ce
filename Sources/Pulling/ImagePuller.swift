// Pulling: turns "this reference, please" into blobs in the store and an image in the catalogue: plan, schedule, join
// equal pulls, tell how far it is. Knows no socket, no wire JSON and no curl.

public import OCI
public import Registry

/// What a client asks for.
public struct PullRequest: Sendable {
    /// Tag or digest; without either, `latest` is meant.
    public var reference: Reference
    /// `nil` means the host's platform.
    public var platform: Platform?
    /// Credentials that came with the request; `nil` means those of the configuration.
    public var credential: Credential?
    /// On whose behalf. A pull that keeps images warm comes after those that people wait for, and leaves a part of a
    /// registry's allowance alone.
    public var purpose: FetchPurpose
    /// How fast its layers may come, as long as nobody else waits for them; `nil` for as fast as they can.
    public var pace: Pace?

    public init(
        reference: Reference, platform: Platform? = nil, credential: Credential? = nil,
        purpose: FetchPurpose = .interactive, pace: Pace? = nil
    ) {
        self.reference = reference
        self.platform = platform
        self.credential = credential
        self.purpose = purpose
        self.pace = pace
    }
}

/// Where one layer of a pull stands. States come in the order of the cases; `retrying` leads back to `downloading`.
public enum LayerState: Sendable, Equatable {
    /// Already in the store; nothing was fetched.
    case exists
    /// Wanted, and no connection is free for it.
    case waiting
    /// Bytes so far and in all.
    case downloading(current: Int64, total: Int64)
    case retrying(after: Duration)
    /// All bytes are here; length and digest are being settled.
    case verifying
    /// Verified and durable.
    case downloaded
    /// Part of an image that the catalogue now holds.
    case complete
}

/// How far a pull is as a whole.
public struct PullTotals: Sendable, Equatable {
    /// Distinct layers of the image, and how many of them need nothing more.
    public var layers: Int, layersDone: Int
    /// Bytes of layers this pull has to fetch, and those that have come.
    public var bytes: Int64, received: Int64
    /// Bytes of layers that were here before.
    public var shared: Int64

    public init(layers: Int, layersDone: Int, bytes: Int64, received: Int64, shared: Int64) {
        self.layers = layers
        self.layersDone = layersDone
        self.bytes = bytes
        self.received = received
        self.shared = shared
    }
}

/// One step of a pull. States of a layer come in order; `downloading` is thinned out, so that a slow reader sees the
/// newest figure and never holds up the transfer.
public enum PullEvent: Sendable, Equatable {
    case layer(Descriptor, LayerState)
    case total(PullTotals)
}

/// How a pull ended.
public struct PullOutcome: Sendable, Equatable {
    public var reference: Reference
    /// Of the manifest or index that the reference names.
    public var digest: Digest
    /// The same digest was already recorded under the same name, complete.
    public var upToDate: Bool
    /// Bytes and blobs (documents included) that came over the network for this pull, and bytes that did not have to.
    public var fetchedBytes: Int64, fetchedBlobs: Int, sharedBytes: Int64

    public init(
        reference: Reference, digest: Digest, upToDate: Bool, fetchedBytes: Int64, fetchedBlobs: Int, sharedBytes: Int64
    ) {
        self.reference = reference
        self.digest = digest
        self.upToDate = upToDate
        self.fetchedBytes = fetchedBytes
        self.fetchedBlobs = fetchedBlobs
        self.sharedBytes = sharedBytes
    }
}

/// A pull under way, for one client.
public struct Pull: Sendable {
    public let reference: Reference
    /// What the reference names at the registry: an index or a manifest.
    public let target: Descriptor
    /// The distinct layers of the wanted platform, base first.
    public let layers: [Descriptor]
    /// Nothing has to be fetched and the name already points there.
    public let upToDate: Bool
    /// The steps, until the end or the fault that ended it. Ending the iteration is leaving.
    public let events: AsyncThrowingStream<PullEvent, any Error>
    /// How it ended. Waits for the end; throws the fault that ended it.
    public let outcome: @Sendable () async throws -> PullOutcome

    public init(
        reference: Reference, target: Descriptor, layers: [Descriptor], upToDate: Bool,
        events: AsyncThrowingStream<PullEvent, any Error>,
        outcome: @escaping @Sendable () async throws -> PullOutcome
    ) {
        self.reference = reference
        self.target = target
        self.layers = layers
        self.upToDate = upToDate
        self.events = events
        self.outcome = outcome
    }
}

/// What the sockets see of this room.
public protocol ImagePuller: Sendable {
    /// Starts or joins a pull. Returns once the manifest of the wanted platform is here, so that a client can be told
    /// of a wrong name, platform or credential before anything else.
    ///
    /// Whoever ends the iteration of `events` has left; the work is cancelled when the last who waits for it has left.
    /// - Throws: a ``Fault``.
    func pull(_ request: PullRequest) async throws -> Pull

    /// All tags of a repository, in the registry's order.
    /// - Throws: a ``Fault``.
    func tags(of repository: Repository, credential: Credential?) async throws -> [String]
}
