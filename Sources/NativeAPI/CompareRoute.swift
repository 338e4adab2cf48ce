internal import OCI
internal import Pulling
internal import Registry
internal import Serving

/// `GET /layerd/v1/compare?from=A&to=B&platform=…`: where two images' layer chains part.
extension NativeRoutes {
    func compare(_ request: ServerRequest) async throws -> ServerResponse {
        guard let from = request.parameter("from"), let to = request.parameter("to"), !from.isEmpty, !to.isEmpty else {
            return Self.message(400, "two images are to be compared: ?from=NAME&to=NAME")
        }
        let comparison = try await context.comparer.compare(
            from: from, to: to,
            platform: try request.parameter("platform").flatMap { $0.isEmpty ? nil : try Platform(parsing: $0) },
            credential: Credential(registryAuth: request.headers.first("X-Registry-Auth")))
        return Self.json(200, Self.report(comparison))
    }

    private static func report(_ comparison: ImageComparison) -> JSON {
        let difference = comparison.difference.map { difference -> JSON in
            [
                "step": .integer(Int64(difference.step)), "from": difference.from.map(JSON.string) ?? .null,
                "to": difference.to.map(JSON.string) ?? .null, "sameInstruction": .bool(difference.isSameInstruction),
            ]
        }
        return [
            "from": chain(comparison.from), "to": chain(comparison.to),
            "commonLayers": .integer(Int64(comparison.commonLayers)), "commonBytes": .integer(comparison.commonBytes),
            "bytesToFetch": .integer(comparison.bytesToFetch), "firstDifference": difference ?? .null,
            "layers": .array(comparison.rows.map(row)), "advice": comparison.advice.map(JSON.string) ?? .null,
        ]
    }

    private static func chain(_ chain: ImageChain) -> JSON {
        [
            "image": .string(chain.name), "digest": .string("\(chain.digest)"),
            "platform": .string("\(chain.platform)"), "bytes": .integer(chain.bytes), "isHere": .bool(chain.isHere),
            "layers": .array(
                chain.steps.compactMap { step in
                    step.layer.map { layer -> JSON in
                        [
                            "digest": .string("\(layer.digest)"), "size": .integer(layer.size),
                            "diffID": step.diffID.map { .string("\($0)") } ?? .null,
                            "instruction": .string(step.instruction),
                        ]
                    }
                }),
        ]
    }

    private static func row(_ row: ImageComparison.Row) -> JSON {
        [
            "position": .integer(Int64(row.position)), "digest": .string("\(row.layer.digest)"),
            "size": .integer(row.layer.size), "diffID": row.diffID.map { .string("\($0)") } ?? .null,
            "instruction": .string(row.instruction), "relation": .string(row.relation.rawValue),
            "counterpart": row.counterpart.map { .string("\($0.digest)") } ?? .null,
            "fetched": .integer(row.fetched), "why": .string(row.why),
        ]
    }
}
