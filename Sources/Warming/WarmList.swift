internal import Catalogue
public import OCI

/// A list of images that shall be here: a `[warm.NAME]` section of the configuration.
public struct WarmList: Sendable, Equatable {
    public var name: String
    /// As written, each for each of `platforms`.
    public var images: [String] = []
    /// Files that name more: lists, Compose, Kubernetes, Dockerfiles, Quadlet units; read anew at every run.
    public var files: [String] = []
    /// Empty for this machine's alone.
    public var platforms: [Platform] = []
    /// How often it is looked at without being asked; `nil` for never.
    public var every: Duration?
    /// What it brought is pinned: no eviction takes it.
    public var pin = false

    public init(name: String) { self.name = name }

    /// What its own lines ask for.
    var wishes: [WarmWish] {
        images.flatMap { image in
            platforms.isEmpty
                ? [WarmWish(image: image)] : platforms.map { WarmWish(image: image, platform: $0) }
        }
    }

    /// The wait before an entry that failed is tried again by itself: a minute, twice as long after each failure, at
    /// most the list's own interval.
    static func backoff(failures: Int, every: Duration) -> Duration {
        min(every, .seconds(60) * (1 << min(max(0, failures - 1), 12)))
    }

    /// Whether an entry is to be looked at now; `state` is `nil` for one that never was.
    func isDue(_ state: WarmState?, at now: Timestamp) -> Bool {
        guard let every else { return false }
        guard let state else { return true }
        let wait = state.error == nil ? every : Self.backoff(failures: state.failures, every: every)
        // A clock that was set back must not stop warming for years.
        let passed = now.seconds - state.checked.seconds
        return passed < 0 || passed >= wait.components.seconds
    }
}

/// What one run is to bring.
public struct WarmJob: Sendable, Equatable {
    /// The list's name; empty for what was asked for by hand.
    public var list: String
    public var wishes: [WarmWish]
    public var pin: Bool
}
