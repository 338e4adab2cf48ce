internal import OCI
internal import Pulling
internal import Serving

extension MirrorRoutes {
    /// `tags/list`, sorted and in pages of our own, whatever pages the registry had.
    func tagsAnswer(_ repository: Repository, _ request: ServerRequest) async throws -> ServerResponse {
        let (tags, source) = try await content.tags(of: repository)
        let page = try Page(tags, request)
        var response = ServerResponse.json(
            200, ["name": .string(repository.path), "tags": .array(page.items.map { .string($0) })])
        page.link(request).map { response.headers.add("Link", $0) }
        response.headers.add("X-Layerd-Source", source.rawValue)
        return response
    }

    /// `_catalog`: what of public images is here, under the names by which they can be pulled from the mirror.
    func catalogueAnswer(_ request: ServerRequest) async throws -> ServerResponse {
        let page = try Page(try await content.repositories(), request)
        var response = ServerResponse.json(200, ["repositories": .array(page.items.map { .string($0) })])
        page.link(request).map { response.headers.add("Link", $0) }
        return response
    }

    /// Always an index: after a 404 engines go to the registry itself, and ask for a tag besides.
    func referrersAnswer(
        _ digest: Digest, _ repository: Repository, _ request: ServerRequest
    ) async throws -> ServerResponse {
        let (all, source) = try await content.referrers(of: digest, in: repository)
        let wanted = request.parameters("artifactType").filter { !$0.isEmpty }
        let entries = wanted.isEmpty ? all : all.filter { $0.artifactType.map { wanted.contains($0) } ?? false }
        let index: JSON = [
            "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex.text),
            "manifests": .array(entries.map(\.json)),
        ]
        var response = ServerResponse.json(200, index, type: MediaType.ociIndex.text)
        if !wanted.isEmpty { response.headers.add("OCI-Filters-Applied", "artifactType") }
        response.headers.add("X-Layerd-Source", source.rawValue)
        return response
    }
}

/// Some entries of a sorted list: those after `last`, at most `n`.
struct Page {
    let items: [String]
    private let isLast: Bool

    init(_ all: [String], _ request: ServerRequest) throws {
        let sorted = Array(Set(all)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let last = request.parameter("last") ?? ""
        let rest = last.isEmpty ? sorted : sorted.filter { last.utf8.lexicographicallyPrecedes($0.utf8) }
        guard let text = request.parameter("n") else {
            items = rest
            isLast = true
            return
        }
        guard let count = Int(text), count >= 0 else { throw MirrorError.badNumber(text) }
        items = Array(rest.prefix(count))
        isLast = items.count == rest.count || count == 0
    }

    /// To the next page, by the path that was asked; `nil` on the last.
    func link(_ request: ServerRequest) -> String? {
        guard !isLast, let last = items.last, let count = request.parameter("n") else { return nil }
        let namespace = request.parameter("ns").map { "&ns=\($0)" } ?? ""
        return "<\(request.path)?n=\(count)&last=\(last)\(namespace)>; rel=\"next\""
    }
}
