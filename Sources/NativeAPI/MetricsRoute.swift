internal import Catalogue
internal import Observability
internal import Pulling
internal import Registry
internal import Serving
internal import Storage

/// `GET /metrics`: the Prometheus text exposition.
extension NativeRoutes {
    func exposition() async throws -> ServerResponse {
        let text = FamilyText.text(of: context.metrics.families + (try await levels()))
        return ServerResponse(
            status: 200, headers: ServerHeaders([("Content-Type", "text/plain; version=0.0.4; charset=utf-8")]),
            body: .bytes(Array(text.utf8)))
    }

    /// What is read when it is asked for. None of it walks the blobs: a scrape comes every few seconds.
    private func levels() async throws -> [FamilyText] {
        let totals = try await context.catalogue.totals()
        let ingests = try await context.store.ingests()
        let catalogue = try await context.catalogue.fileSizes()
        let active = ingests.count { $0.isActive }
        let uptime = (ContinuousClock.now - context.started) / .seconds(1)
        let families = [
            FamilyText(
                "layerd_build_info", help: "1, with layerd's version.", kind: .gauge,
                samples: [Sample([("version", context.version)], 1)]),
            FamilyText(
                "layerd_uptime_seconds", help: "Time since the daemon began.", kind: .gauge,
                samples: [Sample([], uptime)]),
            FamilyText("layerd_images", help: "Images in the catalogue.", gauge: Int64(totals.images)),
            FamilyText("layerd_blobs", help: "Distinct blobs that images use.", gauge: Int64(totals.blobs)),
            FamilyText("layerd_references", help: "Tags and digest references.", gauge: Int64(totals.references)),
            FamilyText(
                "layerd_store_bytes", help: "Bytes on disk, by part of the state directory.", kind: .gauge,
                samples: [
                    Sample([("part", "blobs")], Double(totals.layersSize)),
                    Sample([("part", "catalogue")], Double(catalogue.logical)),
                    Sample([("part", "ingest")], Double(ingests.reduce(0) { $0 + $1.bytes })),
                ]),
            FamilyText(
                "layerd_reclaimable_bytes", help: "Bytes that removing every image nobody holds would free.",
                gauge: try await context.catalogue.reclaimable()),
            FamilyText(
                "layerd_transfers", help: "Transfers of blobs, by state.", kind: .gauge,
                samples: [
                    Sample([("state", "active")], Double(active)),
                    Sample([("state", "interrupted")], Double(ingests.count - active)),
                ]),
            FamilyText(
                "layerd_leased_blobs", help: "Blobs that running work holds.", gauge: Int64(context.collector.heldBlobs)
            ),
        ]
        return families + registries(await context.registries())
    }

    private func registries(_ reports: [RegistryReport]) -> [FamilyText] {
        func samples(_ value: (RegistryReport) -> Double?) -> [Sample] {
            reports.compactMap { report in value(report).map { Sample([("registry", report.name)], $0) } }
        }
        return [
            FamilyText(
                "layerd_registry_healthy", help: "1 while requests are made to the registry, 0 while it is spared.",
                kind: .gauge, samples: samples { $0.healthy ? 1 : 0 }),
            FamilyText(
                "layerd_registry_allowance_limit", help: "Pulls that the registry allows in its window.", kind: .gauge,
                samples: samples { $0.allowance?.limit.map(Double.init) }),
            FamilyText(
                "layerd_registry_allowance_remaining", help: "Pulls that are left in the registry's window.",
                kind: .gauge, samples: samples { $0.allowance?.remaining.map(Double.init) }),
        ]
    }
}
