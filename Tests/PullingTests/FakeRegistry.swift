import Coordination
import Hashing
import OCI
import Registry

/// A registry in memory, which counts what it is asked and can be told to wait or to fail.
final class FakeRegistry: Resolver, Fetcher {
    struct State {
        var documents: [Digest: (descriptor: Descriptor, bytes: [UInt8])] = [:]
        var blobs: [Digest: [UInt8]] = [:]
        var tags: [String: Digest] = [:]
        var resolved = 0
        var documentGets: [Digest: Int] = [:]
        var blobGets: [Digest: Int] = [:]
        var faults: [Digest: [any Error]] = [:]
        var served: [Digest: [UInt8]] = [:]
        /// Blobs that are taken up again in their middle, once, with bytes that do not belong there.
        var mixedUp: Set<Digest> = []
        var givesParts = false
        var partGets: [Digest: Int] = [:]
        /// What is given out in parts instead of the blob.
        var partsServed: [Digest: [UInt8]] = [:]
        var refusesWarm = false
    }

    let state: Locked<State>
    /// Every blob waits here before its second half, until the gate opens.
    let gate: Gate?

    init(gate: Gate? = nil, sharing other: FakeRegistry? = nil) {
        self.gate = gate
        state = other?.state ?? Locked(State())
    }

    func resolve(_ reference: Reference, credential: Credential?) async throws -> Resolution {
        try state.withLock { state in
            state.resolved += 1
            let digest = reference.digest ?? state.tags[reference.description]
            guard let digest, let document = state.documents[digest] else { throw Missing(what: "\(reference)") }
            return Resolution(descriptor: document.descriptor, body: nil, host: "fake.example")
        }
    }

    func tags(of repository: Repository, credential: Credential?) async throws -> [String] {
        state.withLock { state in
            state.tags.keys.compactMap { try? Reference(parsing: $0) }.filter { $0.repository == repository }
                .compactMap(\.tag).sorted()
        }
    }

    func document(
        _ descriptor: Descriptor, in repository: Repository, limit: Int, credential: Credential?
    ) async throws -> [UInt8] {
        try state.withLock { state in
            state.documentGets[descriptor.digest, default: 0] += 1
            if let bytes = state.documents[descriptor.digest]?.bytes ?? state.blobs[descriptor.digest] { return bytes }
            throw Missing(what: "\(descriptor.digest)")
        }
    }

    func blob(
        _ descriptor: Descriptor, in repository: Repository, credential: Credential?,
        into receiver: any BlobReceiver
    ) async throws {
        let bytes = try state.withLock { state -> [UInt8] in
            state.blobGets[descriptor.digest, default: 0] += 1
            if let fault = state.faults[descriptor.digest]?.popLast() { throw fault }
            guard let bytes = state.served[descriptor.digest] ?? state.blobs[descriptor.digest] else {
                throw Missing(what: "\(descriptor.digest)")
            }
            return bytes
        }
        let rest = bytes.dropFirst(Int(receiver.offset))
        let half = Array(rest.prefix(rest.count / 2))
        try receiver.receive(half.span.bytes)
        if let gate { try await gate.wait() }
        if state.withLock({ $0.mixedUp.remove(descriptor.digest) }) != nil {
            receiver.retrying(after: .zero, attempt: 1)
            return try receiver.receive([UInt8](repeating: 0, count: rest.count - half.count).span.bytes)
        }
        try receiver.receive(Array(rest.dropFirst(half.count)).span.bytes)
    }

    func part(
        _ range: Range<Int64>, of descriptor: Descriptor, in repository: Repository, credential: Credential?,
        route: BlobRoute, into receiver: any BlobReceiver
    ) async throws {
        let bytes = try state.withLock { state -> [UInt8] in
            guard state.givesParts else { throw PartsUnavailable() }
            state.partGets[descriptor.digest, default: 0] += 1
            return state.partsServed[descriptor.digest] ?? state.blobs[descriptor.digest] ?? []
        }
        try receiver.receive(Array(bytes[Int(receiver.offset)..<Int(range.upperBound)]).span.bytes)
    }

    func admit(_ purpose: FetchPurpose, to repository: Repository, credential: Credential?) async throws {
        if purpose == .warm, state.withLock({ $0.refusesWarm }) { throw Missing(what: "what is left for people") }
    }

    struct Missing: Fault {
        let what: String
        var kind: FaultKind { .notFound }
        var description: String { "\(what) is not at fake.example" }
    }
}

/// Holds tasks until it is opened; tells how many have come.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var next = 0
        var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]
        var arrived = 0
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Locked(State())

    func wait() async throws {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (pass, reached) = state.withLock { state in
                    state.arrived += 1
                    let arrived = state.arrived
                    let reached = state.watchers.filter { $0.count <= arrived }.map(\.continuation)
                    state.watchers.removeAll { $0.count <= arrived }
                    if !state.isOpen { state.waiting[id] = continuation }
                    return (state.isOpen, reached)
                }
                for watcher in reached { watcher.resume() }
                if pass { continuation.resume() }
                if Task.isCancelled { cancel(id) }
            }
        } onCancel: {
            cancel(id)
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when `count` tasks have come to the gate.
    func arrivals(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let now = state.withLock { state in
                if state.arrived >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if now { continuation.resume() }
        }
    }

    private func cancel(_ id: Int) {
        state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(throwing: CancellationError())
    }
}
