public import OCI
internal import Storage

/// One blob that pulls want.
public struct PlannedBlob: Sendable, Equatable {
    public enum State: Sendable, Equatable {
        /// In the store.
        case present
        /// An interrupted transfer holds so many bytes of it.
        case partial(held: Int64)
        case missing
    }

    public var digest: Digest
    /// Bytes.
    public var size: Int64
    public var state: State

    /// What has still to come over the network.
    public var bytesToFetch: Int64 {
        switch state {
        case .present: 0
        case .partial(let held): max(0, size - held)
        case .missing: size
        }
    }
}

/// What one pull would do now.
public struct PlannedImage: Sendable {
    public var reference: Reference
    /// The index or manifest that the reference names.
    public var target: Descriptor
    /// Of the wanted platform.
    public var manifest: Descriptor
    public var upToDate: Bool
    /// Every blob of the platform once: indexes, manifest, config, layers.
    public var blobs: [PlannedBlob]
    /// Fetches of manifests that the registry counts, in this planning and in a pull after it.
    public var registryPulls: Int
}

/// What several pulls would do now, together.
public struct PlanReport: Sendable {
    /// In the order of the requests.
    public var images: [(reference: Reference, outcome: Result<PlannedImage, any Error>)]

    /// Every blob once, however many of the images want it, in the order of the images.
    public var blobs: [PlannedBlob] {
        var seen = Set<Digest>()
        return images.compactMap { try? $0.outcome.get() }.flatMap(\.blobs).filter { seen.insert($0.digest).inserted }
    }

    public var bytesToFetch: Int64 { blobs.reduce(0) { $0.addingClamped($1.bytesToFetch) } }

    public var registryPulls: Int {
        images.compactMap { try? $0.outcome.get() }.reduce(0) { $0 + $1.registryPulls }
    }
}

/// Tells what pulls would do.
public protocol PullPlanning: Sendable {
    /// What these pulls would do now, planned together; an image that cannot be planned does not keep the others.
    ///
    /// A name is asked for by HEAD, which costs no allowance. Documents that are not here have to be fetched to know
    /// the layers; they stay for the pull, which does not fetch them again.
    /// - Parameter held: bytes that interrupted transfers hold.
    func plan(_ requests: [PullRequest], held: [Digest: Int64]) async throws -> PlanReport
}

extension Puller: PullPlanning {
    public func plan(_ requests: [PullRequest], held: [Digest: Int64]) async throws -> PlanReport {
        let lease = work.collector.lease()
        let store = lease.store(work.store)
        let outcomes = try await withThrowingTaskGroup(of: PlannedPlace.self) { group in
            var next = 0
            func add() {
                guard next < requests.count else { return }
                let (place, request) = (next, requests[next])
                next += 1
                group.addTask { [work] in
                    do {
                        let image = try await work.planned(request, store: store, held: held)
                        return PlannedPlace(place: place, outcome: .success(image))
                    } catch {
                        if error is CancellationError { throw error }
                        return PlannedPlace(place: place, outcome: .failure(error))
                    }
                }
            }
            for _ in 0..<8 { add() }
            var found: [Int: Result<PlannedImage, any Error>] = [:]
            while let planned = try await group.next() {
                found[planned.place] = planned.outcome
                add()
            }
            return found
        }
        try await lease.end()
        return PlanReport(
            images: requests.enumerated().compactMap { place, request in
                outcomes[place].map { (request.reference.forPull, $0) }
            })
    }
}

/// The outcome of one of the requests, and which. No tuple: Swift 6.3 with optimisation hands on a tuple of this size
/// from a task with its first member wrong, so that images took one another's place in the report.
private struct PlannedPlace: Sendable {
    let place: Int
    let outcome: Result<PlannedImage, any Error>
}

extension PullWork {
    fileprivate func planned(
        _ request: PullRequest, store: any ContentStore, held: [Digest: Int64]
    ) async throws -> PlannedImage {
        let plan = try await planner.plan(request, store: store)
        let documents = plan.indexes.map(\.descriptor) + [plan.manifestDescriptor]
        var seen = Set<Digest>()
        var blobs: [PlannedBlob] = []
        for blob in documents + [plan.manifest.config] + plan.layers where seen.insert(blob.digest).inserted {
            // Documents were read out of the store just now, or put into it.
            let isHere =
                blob.digest == plan.manifest.config.digest ? plan.configPresent : plan.present.contains(blob.digest)
            let isDocument = documents.contains { $0.digest == blob.digest }
            let partial = held[blob.digest].flatMap { $0 > 0 ? PlannedBlob.State.partial(held: $0) : nil }
            blobs.append(
                PlannedBlob(
                    digest: blob.digest, size: blob.size,
                    state: isHere || isDocument ? .present : blob.data == nil ? partial ?? .missing : .present))
        }
        return PlannedImage(
            reference: plan.reference, target: plan.target, manifest: plan.manifestDescriptor,
            upToDate: try await recorder.isUpToDate(plan), blobs: blobs, registryPulls: plan.registryPulls)
    }
}
