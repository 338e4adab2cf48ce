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
    /// When else; what a machine slept through is made up for.
    public var schedule: [CalendarExpression] = []
    /// When it may be brought without being asked; empty for always.
    public var windows: [WarmWindow] = []
    /// The most bytes of layers a second that come for it; `nil` for as many as can.
    public var bandwidth: Int64?
    /// What it brought is pinned: no eviction takes it.
    public var pin = false
    /// Engines that then take it over.
    public var into: [WarmEngine] = []

    public init(name: String) { self.name = name }

    /// What its own lines ask for.
    var wishes: [WarmWish] {
        images.flatMap { image in
            platforms.isEmpty
                ? [WarmWish(image: image)] : platforms.map { WarmWish(image: image, platform: $0) }
        }
    }

    /// It is brought without being asked.
    var isByItself: Bool { every != nil || !schedule.isEmpty }

    /// The wait before an entry that failed is tried again by itself: a minute, twice as long after each failure, at
    /// most the list's own interval, or an hour where it has none.
    static func backoff(failures: Int, every: Duration?) -> Duration {
        min(every ?? .seconds(3600), .seconds(60) * (1 << min(max(0, failures - 1), 12)))
    }

    /// Whether an entry is to be looked at now; `state` is `nil` for one that never was. The schedule of such a one
    /// counts from `known`, when this daemon first heard of it.
    func isDue(_ state: WarmState?, at now: Timestamp, known: Timestamp, zone: TimeZoneRules) -> Bool {
        guard let state else { return every != nil || hasComeUp(since: known, now, zone) }
        // A clock that was set back must not stop warming for years.
        let passed = now.seconds - state.checked.seconds
        guard passed >= 0 else { return isByItself }
        if state.error != nil, isByItself {
            let wait = Self.backoff(failures: state.failures, every: every)
            return passed >= wait.components.seconds || hasComeUp(since: state.checked, now, zone)
        }
        return every.map { passed >= $0.components.seconds } ?? false || hasComeUp(since: state.checked, now, zone)
    }

    private func hasComeUp(since moment: Timestamp, _ now: Timestamp, _ zone: TimeZoneRules) -> Bool {
        schedule.contains { $0.next(after: moment, local: zone).map { $0 <= now } ?? false }
    }

    /// When its schedule comes up next.
    func next(after moment: Timestamp, zone: TimeZoneRules) -> Timestamp? {
        schedule.compactMap { $0.next(after: moment, local: zone) }.min()
    }

    /// Whether it may be brought by itself now, and if there is an end to that, when.
    func opening(at moment: Timestamp, zone: TimeZoneRules) -> (isOpen: Bool, until: Timestamp?) {
        guard !windows.isEmpty else { return (true, nil) }
        let end = windows.compactMap { $0.end(at: moment, in: zone) }.max()
        return (end != nil, end)
    }
}

/// What one run is to bring.
public struct WarmJob: Sendable, Equatable {
    /// The list's name; empty for what was asked for by hand.
    public var list: String
    public var wishes: [WarmWish]
    public var pin: Bool
    public var bandwidth: Int64?
    public var into: [WarmEngine] = []
    /// When it has to end, done or not; `nil` for when it is done.
    public var until: Timestamp?
}
