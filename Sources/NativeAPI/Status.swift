internal import Catalogue
internal import OCI
internal import Observability
internal import Pulling
internal import Serving
public import Storage

/// What a store tells of itself besides its blobs.
public protocol StoreReporting: Sendable {
    /// Bytes by part, counted by a walk over the files.
    func usage() async throws -> StoreUsage
    /// Transfers under way or interrupted.
    func ingests() async throws -> [HeldIngest]
}

extension LocalContentStore: StoreReporting {}

/// `GET /layerd/v1/status` and `GET /readyz`.
extension NativeRoutes {
    func status() async throws -> JSON {
        let totals = try await context.catalogue.totals()
        let uptime = ContinuousClock.now - context.started
        return [
            "version": .string(context.version), "uptimeSeconds": .integer(uptime.components.seconds),
            "catalogue": [
                "state": "open", "images": .integer(Int64(totals.images)),
                "references": .integer(Int64(totals.references)), "blobs": .integer(Int64(totals.blobs)),
                "layersSize": .integer(totals.layersSize),
            ],
            "store": try await storeStatus(),
            "layers": try await layerStatus(),
            "registries": .array(await context.registries().map(\.json)),
            "pulls": counts(of: context.metrics.pulls, ["fetched", "cached", "failed", "cancelled"]),
            "mirror": mirrorStatus(),
        ]
    }

    /// How far the check of layers is, and which images have layers that are not what their configs say.
    private func layerStatus() async throws -> JSON {
        let problems = try await context.catalogue.problems()
        return [
            "unchecked": .integer(Int64(try await context.catalogue.checkTotals().uncheckedLayers)),
            "problems": .array(
                problems.map { ["image": .string("\($0.image)"), "problem": .string($0.problem)] }),
        ]
    }

    /// Sizes by a walk over the store; `transfers` are ingests, under way or interrupted.
    private func storeStatus() async throws -> JSON {
        let usage = try await context.store.usage()
        let ingests = try await context.store.ingests()
        return [
            "state": "open", "blobs": Self.part(usage.blobs), "ingest": Self.part(usage.ingest),
            "quarantine": Self.part(usage.quarantine), "leasedBlobs": .integer(Int64(context.collector.heldBlobs)),
            "transfers": .array(
                ingests.map { ingest in
                    [
                        "digest": .string("\(ingest.digest)"), "received": .integer(ingest.bytes),
                        "size": .integer(ingest.total), "active": .bool(ingest.isActive),
                        "lastWritten": .string(ingest.lastWritten.description),
                    ]
                }),
        ]
    }

    private func mirrorStatus() -> JSON {
        let metrics = context.metrics
        return [
            "requests": counts(of: metrics.mirrorRequests, ["hit", "tail", "stale", "upstream"]),
            "bytes": .integer(Int64(clamping: metrics.bytes["mirror"].value)),
        ]
    }

    private func counts(of family: Family<Counter>, _ values: [String]) -> JSON {
        .object(values.map { JSON.Member($0, .integer(Int64(clamping: family[$0].value))) })
    }

    /// Answers only while the listeners are up, so what is left to prove is that the catalogue reads.
    func ready() async throws -> ServerResponse {
        _ = try await context.catalogue.totals()
        return Self.text(200, "ready\n")
    }
}
