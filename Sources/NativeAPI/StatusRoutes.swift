internal import OCI
internal import Serving

extension NativeRoutes {
    /// Whoever is answered has found a listener up, so what is left to ask is whether the catalogue can be read.
    func readiness() async throws -> ServerResponse {
        do { _ = try await context.catalogue.totals() } catch let error where !(error is CancellationError) {
            return Reply.text("the catalogue cannot be read: \(ErrorReport(error).message)\n", status: 503)
        }
        return Reply.text("ok\n")
    }

    /// Cheap enough to be polled: sums of the catalogue, no walk over the store.
    func status() async throws -> JSON {
        let totals = try await context.catalogue.totals()
        let uptime = context.now() - context.started
        var store: [JSON.Member] = []
        if let path = context.storePath { store.append(JSON.Member("path", .string(path))) }
        store.append(JSON.Member("logicalBytes", .integer(totals.layersSize)))
        store.append(JSON.Member("blobs", .integer(Int64(totals.blobs))))
        return [
            "version": .string(context.version),
            "uptimeSeconds": .integer(max(0, uptime.components.seconds)),
            "store": .object(store),
            "catalogue": [
                "images": .integer(Int64(totals.images)), "references": .integer(Int64(totals.references)),
            ],
        ]
    }
}
