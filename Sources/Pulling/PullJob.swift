internal import Coordination
internal import OCI

/// One pull, for everyone who asked for it: what it has found out, where each layer stands, and who waits.
///
/// The work itself is in `PullWork`; this is the meeting place of the curl thread that reports, the task that works and
/// the clients that listen, so it is a lock and not an actor.
final class PullJob: Sendable {
    private struct State {
        var members: [UInt64: PullMailbox] = [:]
        var nextMember: UInt64 = 0
        var plan: Result<PullPlan, any Error>?
        var planWaits: [UInt64: Wait<PullPlan>] = [:]
        var layers: [Digest: (descriptor: Descriptor, state: LayerState)] = [:]
        var order: [Digest] = []
        var held: [Digest: Int64] = [:]
        var totals = PullTotals(layers: 0, layersDone: 0, bytes: 0, received: 0, shared: 0)
        var fetchedBytes: Int64 = 0
        var fetchedBlobs = 0
        var end: Result<PullOutcome, any Error>?
        var endWaits: [UInt64: [Wait<PullOutcome>]] = [:]
        var abandoned = false
        var task: Task<Void, Never>?
    }

    let identity: UInt64
    private let state = Locked(State())

    init(identity: UInt64) { self.identity = identity }

    /// The task that does the work; it is cancelled when the last member leaves.
    func run(_ task: Task<Void, Never>) {
        let abandoned = state.withLock { state in
            state.task = task
            return state.abandoned
        }
        if abandoned { task.cancel() }
    }

    // MARK: Members

    /// A new listener, told first of everything that is known already; `nil` when the job is over or was given up.
    func join() -> (member: UInt64, mailbox: PullMailbox)? {
        state.withLock { state in
            guard !state.abandoned, state.end == nil else { return nil }
            let mailbox = PullMailbox()
            for digest in state.order {
                guard let layer = state.layers[digest] else { continue }
                mailbox.post(.layer(layer.descriptor, layer.state))
            }
            state.nextMember += 1
            state.members[state.nextMember] = mailbox
            return (state.nextMember, mailbox)
        }
    }

    /// The last to leave a job that is not over ends it.
    func leave(_ member: UInt64) {
        let task = state.withLock { state -> Task<Void, Never>? in
            guard state.members.removeValue(forKey: member) != nil, state.members.isEmpty, state.end == nil else {
                return nil
            }
            state.abandoned = true
            return state.task
        }
        task?.cancel()
    }

    /// Waits until it is known what there is to do. A member whose task is cancelled meanwhile has left.
    func plan(for member: UInt64) async throws -> PullPlan {
        let wait = Wait<PullPlan>()
        let known = state.withLock { state in
            if state.plan == nil { state.planWaits[member] = wait }
            return state.plan
        }
        if let known { wait.settle(known) }
        return try await leaving(member, unless: wait)
    }

    /// Waits for the end. A member whose task is cancelled meanwhile has left.
    ///
    /// The task may have been cancelled before: a stream of events ends without an error for a task that is cancelled
    /// between two of them, and then this is where it comes to light.
    func outcome(for member: UInt64) async throws -> PullOutcome {
        let wait = Wait<PullOutcome>()
        let known = state.withLock { state in
            if state.end == nil { state.endWaits[member, default: []].append(wait) }
            return state.end
        }
        if let known { wait.settle(known) }
        return try await leaving(member, unless: wait)
    }

    /// What is waited for; without it, be it for an error or a cancellation, the member has left.
    private func leaving<Value>(_ member: UInt64, unless wait: Wait<Value>) async throws -> Value {
        do {
            return try await wait.value()
        } catch {
            leave(member)
            throw error
        }
    }

    // MARK: Reports of the work

    func planned(_ result: Result<PullPlan, any Error>) {
        let waits = state.withLock { state in
            state.plan = result
            if case .success(let plan) = result { Self.lay(out: plan, in: &state) }
            defer { state.planWaits = [:] }
            return Array(state.planWaits.values)
        }
        for wait in waits { wait.settle(result) }
    }

    private static func lay(out plan: PullPlan, in state: inout State) {
        state.fetchedBytes = plan.fetchedDocumentBytes
        state.fetchedBlobs = plan.fetchedDocuments
        state.totals.layers = plan.layers.count
        for layer in plan.layers {
            let exists = plan.present.contains(layer.digest)
            state.order.append(layer.digest)
            state.layers[layer.digest] = (layer, exists ? .exists : .waiting)
            if exists {
                state.totals.shared = state.totals.shared.addingClamped(layer.size)
                state.totals.layersDone += 1
            } else {
                state.totals.bytes = state.totals.bytes.addingClamped(layer.size)
            }
        }
        for (_, mailbox) in state.members {
            for digest in state.order {
                guard let layer = state.layers[digest] else { continue }
                mailbox.post(.layer(layer.descriptor, layer.state))
            }
            mailbox.post(.total(state.totals))
        }
    }

    /// A step of a layer's (or the config's) transfer. Any thread.
    func step(_ descriptor: Descriptor, _ step: TransferStep) {
        state.withLock { state in
            switch step {
            case .received(let held, let fresh):
                state.fetchedBytes = state.fetchedBytes.addingClamped(fresh)
                guard state.layers[descriptor.digest] != nil else { return }
                state.totals.received += held - state.held[descriptor.digest, default: 0]
                state.held[descriptor.digest] = held
                Self.set(descriptor, .downloading(current: held, total: descriptor.size), in: &state)
                Self.tell(.total(state.totals), in: state)
            case .retrying(let delay): Self.set(descriptor, .retrying(after: delay), in: &state)
            case .verifying: Self.set(descriptor, .verifying, in: &state)
            }
        }
    }

    /// A blob of the plan came and is durable.
    func arrived(_ descriptor: Descriptor) {
        state.withLock { state in
            state.fetchedBlobs += 1
            guard state.layers[descriptor.digest] != nil else { return }
            state.totals.layersDone += 1
            state.totals.received += descriptor.size - state.held[descriptor.digest, default: 0]
            state.held[descriptor.digest] = descriptor.size
            Self.set(descriptor, .downloaded, in: &state)
            Self.tell(.total(state.totals), in: state)
        }
    }

    /// The catalogue has the image: every layer that came is part of it now.
    func recorded() {
        state.withLock { state in
            for digest in state.order {
                guard let layer = state.layers[digest], layer.state == .downloaded else { continue }
                Self.set(layer.descriptor, .complete, in: &state)
            }
        }
    }

    /// What was fetched, for the outcome.
    var fetched: (bytes: Int64, blobs: Int, shared: Int64) {
        state.withLock { ($0.fetchedBytes, $0.fetchedBlobs, $0.totals.shared) }
    }

    /// The first call counts.
    func finish(_ end: Result<PullOutcome, any Error>) {
        let (mailboxes, waits) = state.withLock { state in
            guard state.end == nil else { return ([PullMailbox](), [Wait<PullOutcome>]()) }
            state.end = end
            defer { state.endWaits = [:] }
            return (Array(state.members.values), state.endWaits.values.flatMap(\.self))
        }
        for mailbox in mailboxes { mailbox.finish(end.map { _ in }) }
        for wait in waits { wait.settle(end) }
    }

    private static func set(_ descriptor: Descriptor, _ new: LayerState, in state: inout State) {
        guard let known = state.layers[descriptor.digest], known.state != new else { return }
        state.layers[descriptor.digest] = (known.descriptor, new)
        tell(.layer(known.descriptor, new), in: state)
    }

    private static func tell(_ event: PullEvent, in state: State) {
        for mailbox in state.members.values { mailbox.post(event) }
    }
}

extension Int64 {
    /// Sizes come from outside: their sum may not trap.
    func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
