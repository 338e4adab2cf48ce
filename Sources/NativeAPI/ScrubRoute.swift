internal import OCI
internal import Pulling
internal import Serving

/// `POST /layerd/v1/scrub?dry_run=1`: reads every blob from the medium now.
extension NativeRoutes {
    func scrub(_ request: ServerRequest) async throws -> ServerResponse {
        let dryRun = try Parameters(request).flag("dry_run")
        guard let scrubber = context.scrubber else { return Self.message(501, "this daemon scrubs nothing") }
        let report = try await scrubber.run(dryRun: dryRun)
        return Self.json(200, Self.json(report))
    }

    static func json(_ report: Scrubber.Report) -> JSON {
        let damaged = report.damaged.map { damage -> JSON in
            var members = [
                JSON.Member("digest", .string("\(damage.digest)")), JSON.Member("size", .integer(damage.size)),
                JSON.Member("reason", .string(damage.reason)),
            ]
            switch damage.healing {
            case nil: members.append(JSON.Member("action", "none"))
            case .healed: members.append(JSON.Member("action", "healed"))
            case .notNeeded: members.append(JSON.Member("action", "quarantined"))
            case .failed(let why):
                members.append(JSON.Member("action", "quarantined"))
                members.append(JSON.Member("error", .string(why)))
            }
            return .object(members)
        }
        return [
            "dryRun": .bool(report.isDryRun), "blobs": .integer(Int64(report.blobs)), "bytes": .integer(report.bytes),
            "milliseconds": .integer(Int64(report.seconds * 1000)), "damaged": .array(damaged),
        ]
    }
}
