internal import Coordination
public import Catalogue
public import OCI
public import Observability
public import Registry
public import Storage

/// The puller of the daemon.
///
/// Equal requests (name, platform, credential) share one piece of work; what different requests have in common is
/// shared blob by blob. All layers of all pulls go through one queue of slots.
public final class Puller: ImagePuller {
    /// How much at once. Both are counts of transfers.
    public struct Limits: Sendable {
        /// In the whole process.
        public var total: Int
        /// To one registry.
        public var perHost: Int
        /// Blobs of more bytes are fetched in parts, several at a time.
        public var rangeThreshold: Int64
        public init(total: Int, perHost: Int, rangeThreshold: Int64 = 32 << 20) {
            self.total = total
            self.perHost = perHost
            self.rangeThreshold = rangeThreshold
        }
    }

    private struct Key: Hashable, Sendable {
        let reference: Reference
        let platform: Platform?
        let credential: Credential?
        let purpose: FetchPurpose
    }

    let work: PullWork
    let resolver: any Resolver
    private let slots: SlotQueue
    /// Brings again what was lost.
    public let healer: Healer
    private let jobs = Locked((next: UInt64(0), running: [Key: PullJob]()))

    /// - Parameter collector: gives each pull its lease, and brings `index.json` up to date before a pull is
    ///   acknowledged.
    /// - Parameter events: hears of every pull that ends well.
    /// - Parameter metrics: counts pulls, and bytes by where they came from.
    public init(
        resolver: any Resolver, fetcher: any Fetcher, store: any ContentStore, catalogue: Catalogue,
        limits: Limits, events: ImageEventLog, collector: Collector,
        metrics: DaemonMetrics = DaemonMetrics()
    ) {
        self.resolver = resolver
        slots = SlotQueue(total: limits.total, perKey: limits.perHost)
        let transfers = Transfers(
            fetcher: fetcher, store: store, slots: slots, maximumStreams: min(limits.total, limits.perHost),
            rangeThreshold: limits.rangeThreshold)
        healer = Healer(
            store: store, catalogue: catalogue, collector: collector, fetcher: fetcher, transfers: transfers)
        work = PullWork(
            planner: Planner(
                resolver: resolver, fetcher: fetcher,
                recorded: { try await catalogue.image(named: $0)?.target }),
            transfers: transfers,
            recorder: PullRecorder(store: store, catalogue: catalogue, collector: collector), events: events,
            collector: collector, store: store, metrics: metrics)
    }

    /// How much at once from now on; what runs goes on.
    public func use(_ limits: Limits) { slots.resize(total: limits.total, perKey: limits.perHost) }

    public func pull(_ request: PullRequest) async throws -> Pull {
        let (job, member, mailbox) = enter(request)
        let membership = Membership(job: job, member: member)
        let plan = try await job.plan(for: member)
        return Pull(
            reference: plan.reference, target: plan.target, layers: plan.layers,
            upToDate: plan.upToDate,
            events: AsyncThrowingStream(unfolding: { [membership] in
                do {
                    return try await mailbox.next()
                } catch {
                    // Whoever is told of an error, or of being cancelled, waits no longer, however long the `Pull` is
                    // kept.
                    membership.end()
                    throw error
                }
            }),
            outcome: { [membership] in try await membership.outcome() })
    }

    public func tags(of repository: Repository, credential: Credential?) async throws -> [String] {
        try await resolver.tags(of: repository, credential: credential)
    }

    /// Joins the job for this request, or starts one.
    private func enter(_ request: PullRequest) -> (PullJob, UInt64, PullMailbox) {
        let key = Key(
            reference: request.reference.forPull, platform: request.platform?.normalized,
            credential: request.credential, purpose: request.purpose)
        return jobs.withLock { jobs in
            if let job = jobs.running[key], let (member, mailbox) = job.join() { return (job, member, mailbox) }
            jobs.next += 1
            let job = PullJob(identity: jobs.next)
            jobs.running[key] = job
            guard let (member, mailbox) = job.join() else { preconditionFailure("a new job takes members") }
            // Not awaited here: the work belongs to all who wait for it and outlives the first. `PullJob` cancels it
            // when the last of them leaves.
            job.run(
                Task { [work, weak self] in
                    await work.run(job, request)
                    self?.jobs.withLock { jobs in
                        if jobs.running[key] === job { jobs.running[key] = nil }
                    }
                })
            return (job, member, mailbox)
        }
    }
}

/// A client's hold on a job: it is let go when the client drops the `Pull`, or its task is cancelled while it waits.
private final class Membership: Sendable {
    private let job: PullJob
    private let member: UInt64

    init(job: PullJob, member: UInt64) {
        self.job = job
        self.member = member
    }

    func end() { job.leave(member) }

    func outcome() async throws -> PullOutcome { try await job.outcome(for: member) }

    deinit { end() }
}
