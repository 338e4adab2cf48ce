public import Catalogue
internal import Coordination
public import OCI
public import Registry
public import Storage

/// What the mirror may do with one registry.
public struct MirroredRegistry: Sendable {
    /// As references name it.
    public var name: String
    /// How long what a tag means is believed without asking.
    public var revalidateAfter: Duration
    /// The same for references whose familiar or canonical form fits a pattern; of several the longest counts.
    public var patterns: [(pattern: String, revalidateAfter: Duration)]

    public init(
        name: String, revalidateAfter: Duration = .seconds(600),
        patterns: [(pattern: String, revalidateAfter: Duration)] = []
    ) {
        self.name = name
        self.revalidateAfter = revalidateAfter
        self.patterns = patterns
    }
}

/// Where an answer of the mirror came from.
public enum MirrorSource: String, Sendable {
    /// Out of the store.
    case hit
    /// Out of the store while it comes in.
    case tail
    /// Out of the store; the tag has not been confirmed for longer than it is believed.
    case stale
    /// From the registry, for this answer.
    case upstream
}

/// Content for clients that do not know layerd: what is here, and what can be brought, one registry or another.
///
/// What is here is answered from here, whatever the network does. What is not is brought by the same transfers that
/// serve pulls, for all who ask at once, and goes on when they have left. An image of which one platform has become
/// whole this way is entered in the catalogue.
public final class PullThrough: Sendable {
    /// How long clients are kept waiting. Engines take 15 s for a ping and 30 s for headers as the end (FACTS §10.4);
    /// their own way to the registry is quicker than that.
    public struct Patience: Sendable {
        /// For the registry's word on a name or a document.
        public var document: Duration = .seconds(5)
        /// For the first byte of a blob, and for the word on whether a manifest's blobs can be had.
        public var blob: Duration = .seconds(5)
        /// For either, when the registry last kept somebody waiting in vain: an image is many questions.
        public var silence: Duration = .seconds(1)
        /// How long the lack of something is remembered, also of a blob that could not be brought, and a failure.
        public var absence: Duration = .seconds(10)
        public var failure: Duration = .seconds(2)
        /// How long it is believed that anybody may read what anybody could.
        public var openness: Duration = .seconds(86_400)

        public init() {}
    }

    let registry: any Resolver & Fetcher & Prober
    let store: LocalContentStore
    let catalogue: Catalogue
    let work: PullWork
    let registries: [String: MirroredRegistry]
    let servesPrivate: Bool
    let patience: Patience
    let now: @Sendable () -> Timestamp
    let assembly: Assembly

    /// What tags mean, as far as it was asked lately.
    let meanings = Recent<Reference, Meaning>(limit: 20_000)
    /// What manifests that were shown name.
    let named = Recent<Place, Descriptor>(limit: 50_000)
    /// What anybody may read.
    let shown = Recent<Digest, Bool>(limit: 50_000)
    /// How often a repository turned out to be closed that had been open.
    let closings = Locked(0)
    /// Repositories anybody may read, of registries where we show a credential.
    let openness = Recent<Repository, Bool>(limit: 5_000, lifetime: .seconds(600))
    /// Documents that their registry gave to somebody unknown.
    let confirmedOpen: Recent<Place, Bool>
    let lacks: Recent<String, Lack>
    let failures: Recent<String, Lack>
    /// Blobs that the registry said it would give.
    let fetchable = Recent<Place, Int64>(limit: 20_000, lifetime: .seconds(300))
    let lists = Recent<Place, [UInt8]>(limit: 500)
    let tagLists = Recent<Repository, [String]>(limit: 200)
    /// Registries that did not answer when last asked.
    let silent: Recent<String, Bool>
    /// Registries that last kept somebody waiting in vain.
    let slow: Recent<String, Bool>

    let resolving = LastingWork<Reference, Meaning>(limit: 64)
    let fetching = LastingWork<Place, [UInt8]>(limit: 64)
    let reviewing = LastingWork<Place, Bool>(limit: 16)
    let assuring = LastingWork<Place, Bool>(limit: 64)
    let sizing = LastingWork<Place, Int64>(limit: 64)
    let listing = LastingWork<Place, [UInt8]>(limit: 16)
    let listingTags = LastingWork<Repository, [String]>(limit: 16)
    let flights = Locked<[Digest: BlobFeed]>([:])

    /// - Parameters:
    ///   - puller: whose transfers bring what is missing.
    ///   - registry: is asked while a client waits, who has another place to turn to.
    ///   - registries: the only ones that are asked.
    ///   - servesPrivate: content that not everybody may fetch is served to everybody here.
    public init(
        puller: Puller, registry: any Resolver & Fetcher & Prober, store: LocalContentStore, catalogue: Catalogue,
        registries: [MirroredRegistry], servesPrivate: Bool, patience: Patience = Patience(),
        now: @escaping @Sendable () -> Timestamp
    ) {
        work = puller.work
        self.registry = registry
        self.store = store
        self.catalogue = catalogue
        self.registries = Dictionary(registries.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.servesPrivate = servesPrivate
        self.patience = patience
        self.now = now
        lacks = Recent(limit: 4_000, lifetime: patience.absence)
        failures = Recent(limit: 4_000, lifetime: patience.failure)
        confirmedOpen = Recent(limit: 20_000, lifetime: patience.openness)
        silent = Recent(limit: 1_000, lifetime: .seconds(30))
        slow = Recent(limit: 1_000, lifetime: .seconds(30))
        assembly = Assembly(store: store, recorder: work.recorder, collector: work.collector, now: now)
    }

    /// Whether `name` is a registry that may be asked.
    public func serves(_ name: String) -> Bool { registries[name] != nil }

    /// What is kept in memory for answers and has not been asked for is let go. To be called every few seconds.
    public func tidy() async {
        store.closeIdleFiles()
        await assembly.giveUp(before: now().seconds - Self.longestWait)
    }

    /// An image that has not become whole for so long, in seconds, is not waited for any more: its blobs may go.
    private static let longestWait: Int64 = 3600
}

/// A digest where it was named.
struct Place: Hashable, Sendable {
    let repository: Repository
    let digest: Digest
}

/// What a tag means, and when its registry last said so.
struct Meaning: Sendable {
    var descriptor: Descriptor
    var confirmed: Timestamp
    /// The registry says that there is no such tag any more.
    var isGone = false
    /// The last attempt to ask failed.
    var isUnconfirmed = false
}

/// Something that could not be had a moment ago.
struct Lack: Sendable {
    let kind: FaultKind
    let text: String
}

/// Why the mirror does not give something.
public enum PullThroughError: Fault {
    /// The registry is none of those the mirror may ask.
    case notServed(String)
    /// Not everybody may read it.
    case withheld(Repository)
    /// The registry did not answer in time; it is still being asked.
    case slow(String)
    /// Too much is being asked at once.
    case busy
    /// A moment ago it could not be had.
    case lacking(kind: FaultKind, String)
    /// The manifest is here, or could be had, but not all it names.
    case incomplete(Digest, String)

    public var kind: FaultKind {
        switch self {
        case .notServed, .withheld: .notFound
        case .slow: .timedOut
        case .busy, .incomplete: .unavailable(retryAfter: nil)
        case .lacking(let kind, _): kind
        }
    }

    public var description: String {
        switch self {
        case .notServed(let name): "the mirror does not serve \(name): only registries with a section in layerd.toml"
        case .withheld(let repository):
            "\(repository.familiar) is not for everybody, and the mirror does not know who asks"
        case .slow(let what): "\(what) did not come in time"
        case .busy: "the mirror is asking for too much at once"
        case .lacking(_, let text): text
        case .incomplete(let digest, let reason): "\(digest) is not served: \(reason)"
        }
    }
}
