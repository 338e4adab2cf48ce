internal import Catalogue
internal import Coordination
internal import OCI
internal import Pulling
internal import Registry

/// Bringing what jobs name.
extension Warmer {
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
        var digest: Digest?
        do {
            let reference = try await reference(of: wish)
            try await tell(.resolved(wish, reference))
            let pull = try await puller.pull(
                PullRequest(reference: reference, platform: wish.platform, purpose: .warm, pace: pace(of: job)))
            for try await case .total(let totals) in pull.events {
                try await tell(.progress(wish, received: totals.received, bytes: totals.bytes))
            }
            let outcome = try await pull.outcome()
            if job.pin { _ = try await collector.pin(reference.description) }
            digest = outcome.digest
            report.present = 1
            report.fetchedBytes = outcome.fetchedBytes
            try await feed(job.into, wish, reference, outcome.digest, tell)
            try await note(wish, job, outcome.digest, nil)
            try await tell(.done(wish, digest: outcome.digest, fetched: outcome.fetchedBytes))
        } catch let fault as any Fault where fault.kind != .cancelled {
            let reason = "\(wish.image): \(fault)"
            try await note(wish, job, digest, "\(fault)")
            report.failures = [reason]
            try await tell(.failed(wish, reason: reason))
        }
        return report
    }

    /// One engine that cannot have it does not keep it from the others.
    private func feed(
        _ engines: [WarmEngine], _ wish: WarmWish, _ reference: Reference, _ digest: Digest,
        _ tell: @escaping @Sendable (WarmEvent) async throws -> Void
    ) async throws {
        var failed: [(engine: WarmEngine, reason: String)] = []
        for engine in engines {
            do {
                try await feeder.feed(engine, reference, digest: digest, platform: wish.platform)
                try await tell(.fed(wish, engine))
            } catch let fault as any Fault where fault.kind != .cancelled {
                failed.append((engine, "\(fault)"))
            }
        }
        guard failed.isEmpty else {
            throw WarmError.notFed(failed.map(\.engine), reasons: failed.map(\.reason))
        }
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
}
