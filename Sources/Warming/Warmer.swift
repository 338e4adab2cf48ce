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
    private let puller: any ImagePuller
    private let catalogue: Catalogue
    private let collector: Collector
    private let now: @Sendable () -> Timestamp
    private let configured: Locked<[WarmList]>
    private let measured = Locked(Int64?.none)

    /// A file of a megabyte that names images is somebody's mistake.
    static let maximumFile = 4 << 20

    public init(
        lists: [WarmList], puller: any ImagePuller, catalogue: Catalogue, collector: Collector,
        now: @escaping @Sendable () -> Timestamp
    ) {
        configured = Locked(lists)
        self.puller = puller
        self.catalogue = catalogue
        self.collector = collector
        self.now = now
    }

    /// Those of the configuration; a reload may change them.
    public var lists: [WarmList] {
        get { configured.withLock { $0 } }
        set { configured.withLock { $0 = newValue } }
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

    private func job(of list: WarmList) throws -> WarmJob {
        var wishes = list.wishes
        for path in list.files {
            for wish in try Self.wishes(in: try Self.read(path), named: path) where !wishes.contains(wish) {
                wishes +=
                    list.platforms.isEmpty || wish.platform != nil
                    ? [wish] : list.platforms.map { WarmWish(image: wish.image, platform: $0) }
            }
        }
        return WarmJob(list: list.name, wishes: wishes, pin: list.pin)
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

    private func reference(of wish: WarmWish) async throws -> Reference {
        switch try WarmName(wish.image).meaning {
        case .reference(let reference): return reference.forPull
        case .range(let repository, let range):
            guard let tag = range.best(of: try await puller.tags(of: repository, credential: nil)) else {
                throw WarmError.noTagFits(wish.image)
            }
            return Reference(repository, tag: tag, digest: nil)
        }
    }

    // MARK: Doing it

    /// Brings everything the jobs name. What fails does not keep the rest from coming.
    /// - Throws: `CancellationError`; a ``CatalogueError``.
    public func run(_ jobs: [WarmJob], tell: @escaping @Sendable (WarmEvent) async throws -> Void) async throws
        -> WarmReport
    {
        let began = ContinuousClock.now
        var report = WarmReport()
        // One entry after the other: its layers come side by side anyway, and what two entries share is counted once.
        for job in jobs {
            for wish in job.wishes {
                try Task.checkCancellation()
                let part = try await bring(wish, job, tell)
                report.present += part.present
                report.fetchedBytes += part.fetchedBytes
                report.failures += part.failures
            }
        }
        // Less than a megabyte says more of the registry's answers than of the line.
        if report.fetchedBytes > 1 << 20 {
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            measured.withLock { $0 = Int64(Double(report.fetchedBytes) / max(seconds, 0.001)) }
        }
        return report
    }

    private func bring(
        _ wish: WarmWish, _ job: WarmJob, _ tell: @escaping @Sendable (WarmEvent) async throws -> Void
    ) async throws -> WarmReport {
        var report = WarmReport()
        do {
            let reference = try await reference(of: wish)
            try await tell(.resolved(wish, reference))
            let pull = try await puller.pull(PullRequest(reference: reference, platform: wish.platform, purpose: .warm))
            for try await case .total(let totals) in pull.events {
                try await tell(.progress(wish, received: totals.received, bytes: totals.bytes))
            }
            let outcome = try await pull.outcome()
            if job.pin { _ = try await collector.pin(reference.description) }
            try await note(wish, job, outcome.digest, nil)
            report.present = 1
            report.fetchedBytes = outcome.fetchedBytes
            try await tell(.done(wish, digest: outcome.digest, fetched: outcome.fetchedBytes))
        } catch let fault as any Fault where fault.kind != .cancelled {
            let reason = "\(wish.image): \(fault)"
            try await note(wish, job, nil, "\(fault)")
            report.failures = [reason]
            try await tell(.failed(wish, reason: reason))
        }
        return report
    }

    private func note(_ wish: WarmWish, _ job: WarmJob, _ digest: Digest?, _ error: String?) async throws {
        let earlier = try await catalogue.warmStates().first {
            $0.list == job.list && $0.image == wish.image && $0.platform == wish.platform
        }
        var state = WarmState(list: job.list, image: wish.image, platform: wish.platform, checked: now())
        state.digest = digest ?? earlier?.digest
        state.changed = digest != nil && digest != earlier?.digest ? state.checked : earlier?.changed
        state.error = error
        state.failures = error == nil ? 0 : (earlier?.failures ?? 0) + 1
        try await catalogue.note(state)
    }

    // MARK: By itself

    /// What the lists' own intervals ask for now.
    /// - Throws: a ``CatalogueError``. A list whose files cannot be read is left out; its own lines are not.
    public func due() async throws -> [WarmJob] {
        let states = try await catalogue.warmStates()
        let moment = now()
        var jobs: [WarmJob] = []
        for list in lists where list.every != nil {
            var whole: WarmJob
            do { whole = try job(of: list) } catch is any Fault {
                whole = WarmJob(list: list.name, wishes: list.wishes, pin: list.pin)
            }
            whole.wishes = whole.wishes.filter { wish in
                let state = states.first {
                    $0.list == list.name && $0.image == wish.image && $0.platform == wish.platform
                }
                return list.isDue(state, at: moment)
            }
            if !whole.wishes.isEmpty { jobs.append(whole) }
        }
        return jobs
    }
}
