internal import Catalogue
public import OCI

/// Bringing lists without being asked.
extension Warmer {
    /// What the lists' intervals and schedules ask for now, as far as their windows are open.
    /// - Throws: a ``CatalogueError``. A list whose files cannot be read is left out; its own lines are not.
    public func due() async throws -> [WarmJob] {
        let states = try await catalogue.warmStates()
        let moment = now()
        let zone = zone()
        var jobs: [WarmJob] = []
        for (list, since) in known where list.isByItself {
            let opening = list.opening(at: moment, zone: zone)
            guard opening.isOpen else { continue }
            var whole: WarmJob
            do { whole = try job(of: list) } catch is any Fault {
                whole = WarmJob(
                    list: list.name, wishes: list.wishes, pin: list.pin, bandwidth: list.bandwidth, into: list.into)
            }
            whole.wishes = whole.wishes.filter { wish in
                let state = states.first {
                    $0.list == list.name && $0.image == wish.image && $0.platform == wish.platform
                }
                return list.isDue(state, at: moment, known: since, zone: zone)
            }
            whole.until = opening.until
            if !whole.wishes.isEmpty { jobs.append(whole) }
        }
        return jobs
    }

    /// When a list's schedule comes up next; `nil` for one that has none.
    public func nextTurn(of list: WarmList) -> Timestamp? { list.next(after: now(), zone: zone()) }

    /// How long nothing comes up; half a minute at most, for clocks are set and files changed.
    public var pause: Duration {
        let next = lists.compactMap { nextTurn(of: $0) }.min()
        let seconds = next.map { $0.seconds - now().seconds } ?? 30
        return .seconds(min(max(seconds, 1), 30))
    }

    /// Brings a job within its window: when that closes, what runs is let go, and what came of it is kept for the next.
    /// - Returns: `nil` when the window closed before all was done.
    /// - Throws: `CancellationError`; a ``CatalogueError``.
    public func runInTime(_ job: WarmJob) async throws -> WarmReport? {
        guard let until = job.until else { return try await run([job]) { _ in } }
        return try await withThrowingTaskGroup(of: WarmReport?.self) { group in
            group.addTask { [self] in try await run([job]) { _ in } }
            group.addTask { [self] in
                // The machine may sleep meanwhile, and its clock be set.
                while now() < until { try await sleep(min(.seconds(30), .seconds(until.seconds - now().seconds))) }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
