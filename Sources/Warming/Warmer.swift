internal import Coordination
internal import FoundationEssentials
public import Catalogue
public import OCI
public import Pulling
internal import Registry

/// What a run tells while it goes on, and how it ended.
public enum WarmEvent: Sendable, Equatable {
    case resolved(WarmWish, Reference)
    /// Bytes that came for an entry so far, and that it needs in all.
    case progress(WarmWish, received: Int64, bytes: Int64)
    case done(WarmWish, digest: Digest, fetched: Int64)
    /// An engine has taken it over.
    case fed(WarmWish, WarmEngine)
    case failed(WarmWish, reason: String)
}

/// What a run came to.
public struct WarmReport: Sendable, Equatable {
    /// Entries that are here, whole and verified.
    public var present = 0
    /// Bytes that came over the network for it.
    public var fetchedBytes: Int64 = 0
    /// What did not go well, one sentence each.
    public var failures: [String] = []
}

/// Brings warm lists, by hand and by themselves, and remembers how each entry fared.
public final class Warmer: Sendable {
    let puller: any ImagePuller
    let catalogue: Catalogue
    let collector: Collector
    let feeder: any EngineFeeder
    let now: @Sendable () -> Timestamp
    let zone: @Sendable () -> TimeZoneRules
    let sleep: @Sendable (Duration) async throws -> Void
    /// Each with the moment this daemon first heard of it.
    private let configured: Locked<[(list: WarmList, known: Timestamp)]>
    private let paces = Locked<[String: Pace]>([:])
    let measured = Locked(Int64?.none)

    /// A file of a megabyte that names images is somebody's mistake.
    static let maximumFile = 4 << 20

    /// - Parameters:
    ///   - feeder: has engines take images over.
    ///   - zone: the machine's clocks, asked each time: they may be changed while it runs.
    ///   - sleep: waits for the end of windows.
    public init(
        lists: [WarmList], puller: any ImagePuller, catalogue: Catalogue, collector: Collector,
        feeder: any EngineFeeder, now: @escaping @Sendable () -> Timestamp,
        zone: @escaping @Sendable () -> TimeZoneRules = { .local() },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        let moment = now()
        configured = Locked(lists.map { ($0, moment) })
        self.puller = puller
        self.catalogue = catalogue
        self.collector = collector
        self.feeder = feeder
        self.now = now
        self.zone = zone
        self.sleep = sleep
    }

    /// Those of the configuration; a reload may change them.
    public var lists: [WarmList] {
        get { configured.withLock { $0.map(\.list) } }
        set {
            let moment = now()
            configured.withLock { configured in
                let earlier = Dictionary(configured.map { ($0.list.name, $0.known) }, uniquingKeysWith: min)
                configured = newValue.map { ($0, earlier[$0.name] ?? moment) }
            }
        }
    }

    var known: [(list: WarmList, since: Timestamp)] { configured.withLock { $0.map { ($0.list, $0.known) } } }

    /// One for all runs of a list, whoever asked for them.
    func pace(of job: WarmJob) -> Pace? {
        guard let rate = job.bandwidth else { return nil }
        return paces.withLock { paces in
            if let pace = paces[job.list], pace.bytesPerSecond == rate { return pace }
            let pace = Pace(bytesPerSecond: rate)
            paces[job.list] = pace
            return pace
        }
    }

    /// How fast the last run fetched that had something to fetch; `nil` before one had.
    public var bytesPerSecond: Int64? { measured.withLock { $0 } }

    // MARK: What is to be done

    /// The jobs that names and files stand for: a name is a list's, else an image's.
    /// - Parameter files: names and texts.
    /// - Throws: ``WarmError``, ``OCIError``; also when a file names an image that cannot be used: a run that leaves
    ///   out what somebody counts on must not look complete.
    public func jobs(names: [String], files: [(name: String, text: String)]) throws -> [WarmJob] {
        var jobs: [WarmJob] = []
        var single = WarmJob(list: "", wishes: [], pin: false)
        for name in names {
            if let list = lists.first(where: { $0.name == name }) {
                jobs.append(try job(of: list))
            } else {
                do { _ = try WarmName(name) } catch {
                    throw WarmError.unknownList(name, known: lists.map(\.name))
                }
                single.wishes.append(WarmWish(image: name))
            }
        }
        for file in files { single.wishes += try Self.wishes(in: file.text, named: file.name) }
        if !single.wishes.isEmpty { jobs.append(single) }
        guard !jobs.isEmpty else { throw WarmError.nothingToDo }
        return jobs
    }

    func job(of list: WarmList) throws -> WarmJob {
        var wishes = list.wishes
        for path in list.files {
            for wish in try Self.wishes(in: try Self.read(path), named: path) where !wishes.contains(wish) {
                wishes +=
                    list.platforms.isEmpty || wish.platform != nil
                    ? [wish] : list.platforms.map { WarmWish(image: wish.image, platform: $0) }
            }
        }
        return WarmJob(
            list: list.name, wishes: wishes, pin: list.pin, bandwidth: list.bandwidth, into: list.into)
    }

    private static func wishes(in text: String, named name: String) throws -> [WarmWish] {
        let found = WarmFile.wishes(in: text, named: name)
        guard found.problems.isEmpty else {
            throw WarmError.unreadable(file: name, reason: found.problems.joined(separator: "; "))
        }
        return found.wishes
    }

    private static func read(_ path: String) throws -> String {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            throw WarmError.unreadable(file: path, reason: "no such file, or not readable by layerd")
        }
        guard data.count <= maximumFile, let text = String(bytes: data, encoding: .utf8) else {
            throw WarmError.unreadable(file: path, reason: "not a text of at most 4 MiB")
        }
        return text
    }

    /// What the entries mean just now: ranges become the tags that fit.
    /// - Throws: what a registry said; ``WarmError/noTagFits(_:)``.
    public func requests(for jobs: [WarmJob]) async throws -> [PullRequest] {
        var requests: [PullRequest] = []
        for wish in jobs.flatMap(\.wishes) {
            requests.append(PullRequest(reference: try await reference(of: wish), platform: wish.platform))
        }
        return requests
    }

    func reference(of wish: WarmWish) async throws -> Reference {
        switch try WarmName(wish.image).meaning {
        case .reference(let reference): return reference.forPull
        case .range(let repository, let range):
            guard let tag = range.best(of: try await puller.tags(of: repository, credential: nil)) else {
                throw WarmError.noTagFits(wish.image)
            }
            return Reference(repository, tag: tag, digest: nil)
        }
    }
}
