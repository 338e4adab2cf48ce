internal import Coordination
internal import OCI
internal import Observability
internal import Registry
internal import Storage

/// The work of one pull, phase by phase: plan, bring every blob that is missing, record the image.
struct PullWork: Sendable {
    let planner: Planner
    let transfers: Transfers
    let recorder: PullRecorder
    let events: ImageEventLog
    let collector: Collector
    let store: any ContentStore
    let metrics: DaemonMetrics

    func run(_ job: PullJob, _ request: PullRequest) async {
        // Until the image is recorded only the lease keeps what the plan found here, and what came since.
        let began = ContinuousClock.now
        let lease = collector.lease()
        let refused = Locked([Digest]())
        let end = await outcome(job, request, store: lease.store(store), refused: refused)
        // What was to be removed while the pull held it is no business of the pull's: a failure is met again by the
        // next collection.
        do {
            try await lease.end()
            // The documents that told there is no room for the rest have no image to belong to.
            let documents = refused.withLock { $0 }
            if !documents.isEmpty { try await collector.collect(documents) }
        } catch {}
        count(end, took: ContinuousClock.now - began)
        job.finish(end)
    }

    private func count(_ end: Result<PullOutcome, any Error>, took duration: Duration) {
        switch end {
        case .success(let outcome):
            metrics.pulls[outcome.fetchedBlobs > 0 ? "fetched" : "cached"].add()
            metrics.bytes["upstream"].add(outcome.fetchedBytes)
            metrics.bytes["store"].add(outcome.sharedBytes)
            metrics.pullDuration[].observe(duration)
        case .failure(is CancellationError): metrics.pulls["cancelled"].add()
        case .failure(let error):
            metrics.pulls["failed"].add()
            metrics.errors[((error as? any Fault)?.kind ?? .internalFailure).word].add()
        }
    }

    private func outcome(
        _ job: PullJob, _ request: PullRequest, store: any ContentStore, refused: Locked<[Digest]>
    ) async -> Result<PullOutcome, any Error> {
        do {
            let plan: PullPlan
            let room: SpaceAdmission?
            do {
                var found = try await planner.plan(request, store: store)
                found.upToDate = try await recorder.isUpToDate(found)
                plan = found
                room = try await self.room(for: plan, refused: refused)
            } catch let error {
                job.planned(.failure(error))
                throw error
            }
            job.planned(.success(plan))
            metrics.lookups["hit"].add(Int64(plan.present.count + (plan.configPresent ? 1 : 0)))
            metrics.lookups["miss"].add(Int64(plan.missingLayers.count + (plan.configPresent ? 0 : 1)))
            try await bring(plan, job, request)
            if !plan.upToDate {
                let registry = plan.reference.repository.domain
                let isPrivate =
                    if request.credential != nil { true } else { await planner.resolver.showsCredential(to: registry) }
                try await recorder.record(plan, request, isPrivate: isPrivate)
            }
            room?.end()
            recorder.noteUse(of: plan, request)
            job.recorded()
            events.post(.pulled(plan.reference, labels: await recorder.labels(of: plan)))
            let fetched = job.fetched
            return .success(
                PullOutcome(
                    reference: plan.reference, digest: plan.target.digest, upToDate: plan.upToDate,
                    fetchedBytes: fetched.bytes, fetchedBlobs: fetched.blobs, sharedBytes: fetched.shared))
        } catch let error {
            return .failure(error)
        }
    }

    /// A pull that cannot have its room ends before it has fetched a layer's byte.
    private func room(for plan: PullPlan, refused: Locked<[Digest]>) async throws -> SpaceAdmission? {
        guard !plan.isComplete else { return nil }
        do {
            return try await collector.room(for: plan.missing)
        } catch {
            let documents = plan.indexes.map(\.descriptor) + [plan.manifestDescriptor, plan.manifest.config]
            refused.withLock { $0 = documents.map(\.digest) }
            throw error
        }
    }

    /// The config goes first: it is small, and what reads images wants it. The slots bound how many run at once, so
    /// every blob gets its task right away and none waits for another's end.
    private func bring(_ plan: PullPlan, _ job: PullJob, _ request: PullRequest) async throws {
        let source = TransferSource(
            repository: plan.reference.repository, credential: request.credential, purpose: request.purpose,
            pace: request.pace)
        let missing = plan.missing
        let room = try await store.reserve(missing)
        defer { room.release() }
        var seen = Set<Digest>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for blob in missing where seen.insert(blob.digest).inserted {
                group.addTask {
                    try await transfers.bring(blob, from: source, lane: job.identity) { step in job.step(blob, step) }
                    job.arrived(blob)
                }
            }
            try await group.waitForAll()
        }
    }
}
