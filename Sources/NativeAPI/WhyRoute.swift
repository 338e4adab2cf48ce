internal import Catalogue
internal import OCI
internal import Pulling
internal import Serving

/// `GET /layerd/v1/why?image=…`: who uses an image or a blob, what it is worth and when it would go. Without `image`,
/// the last evictions and why each was decided.
extension NativeRoutes {
    func why(_ request: ServerRequest) async throws -> ServerResponse {
        guard let keeper = context.keeper else { return Self.message(501, "this daemon keeps no quota") }
        guard let text = request.query.first(where: { $0.name == "image" })?.value, !text.isEmpty else {
            return Self.json(200, ["evictions": .array(keeper.decisions.reversed().map(Self.decision))])
        }
        if let blob = try await users(of: text, keeper) { return Self.json(200, blob) }
        return Self.json(200, Self.standing(try await keeper.standing(of: text)))
    }

    /// A digest that is no image's may be a blob's.
    private func users(of text: String, _ keeper: SpaceKeeper) async throws -> JSON? {
        let digest: Digest
        do { digest = try Digest(parsing: text) } catch { return nil }
        guard try await context.catalogue.image(digest) == nil else { return nil }
        let users = try await keeper.users(of: digest)
        guard !users.isEmpty else { throw CatalogueError.noSuchImage(text) }
        return ["digest": .string("\(digest)"), "users": .array(users.map { .string(Self.name($0)) })]
    }

    private static func name(_ image: ImageSummary) -> String {
        (image.tags.first ?? image.digests.first)?.familiar ?? "\(image.id)"
    }

    private static func standing(_ standing: ImageStanding) -> JSON {
        let image = standing.image
        var members: [JSON.Member] = [
            .init("image", .string(name(image))), .init("id", .string("\(image.id)")),
            .init("names", .array((image.tags + image.digests).map { .string($0.familiar) })),
            .init("size", .integer(image.size)), .init("sharedSize", .integer(image.sharedSize)),
            .init("frees", .integer(standing.worth.frees)), .init("pins", .integer(Int64(image.pins))),
            .init("holders", .integer(Int64(image.holders))), .init("uses", .integer(image.uses)),
            .init("recorded", .string("\(image.recorded)")), .init("lastUsed", .string("\(image.lastUsed)")),
            .init("usesPerHour", .number(rounded(standing.worth.rate))),
        ]
        if standing.worth.value.isFinite { members.append(.init("value", .number(rounded(standing.worth.value)))) }
        if let stays = standing.stays { members.append(.init("stays", .string(stays.rawValue))) }
        if let turn = standing.turn { members.append(.init("turn", .integer(Int64(turn)))) }
        if let freed = standing.freedBefore { members.append(.init("freedBefore", .integer(freed))) }
        return .object(members)
    }

    private static func decision(_ decision: EvictionDecision) -> JSON {
        [
            "at": .string("\(decision.at)"), "image": .string(decision.image), "id": .string("\(decision.id)"),
            "freed": .integer(decision.freed), "usesPerHour": .number(rounded(decision.worth.rate)),
            "why": .string(decision.reason),
        ]
    }

    private static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }
}
