internal import Coordination
public import OCI
internal import Transport

extension RegistryClient {
    /// Tags in all; the largest public repositories have some ten thousand.
    private static let maximumTags = 100_000
    /// Pages asked for; one holds up to ``pageSize`` tags at registries that honour it.
    private static let maximumPages = 200
    /// The most that Amazon's registry allows; others give what they like.
    private static let pageSize = 1000
    /// Docker Hub sends all tags of a repository at once.
    private static let maximumPage = 8 << 20

    /// The registry itself is asked, never a mirror: a mirror lists what it happens to hold.
    public func tags(of repository: Repository, credential: Credential?) async throws -> [String] {
        let subject = Subject(.tags, in: repository)
        return try await asking(about: subject, credential, mirrors: false) { upstream in
            var tags: [String] = []
            var address = upstream.address(of: subject.path, query: "n=\(RegistryClient.pageSize)")
            for _ in 0..<RegistryClient.maximumPages {
                let page = try await page(at: address, subject, upstream)
                tags += page.tags
                guard tags.count <= RegistryClient.maximumTags else { break }
                guard let next = page.next, next != address else { return tags }
                address = next
            }
            throw RegistryError.Reason.mismatch(
                "its list of tags does not end within \(RegistryClient.maximumPages) pages and "
                    + "\(RegistryClient.maximumTags) tags")
        }
    }

    private func page(
        at address: WebAddress, _ subject: Subject, _ upstream: Upstream
    ) async throws -> (tags: [String], next: WebAddress?) {
        let body = DocumentBody(limit: RegistryClient.maximumPage)
        let answer = try await session.ask(
            Session.Question(address: address, total: Wire.documentTime), about: subject, at: upstream, into: body)
        let list: [JSON]
        do {
            let json = try JSON(parsing: body.bytes)
            guard json["tags"] == nil || json["tags"] == .null || json["tags"]?.array != nil, json.members != nil
            else { throw OCIError.invalidDocument("list of tags", reason: "it has no array of tags") }
            list = json["tags"]?.array ?? []
        } catch let error as OCIError {
            throw RegistryError.Reason.document(error)
        }
        // What is no tag could not be asked for, and may not be printed.
        let tags = list.compactMap(\.string).filter { (try? Reference.checkTag($0)) != nil }
        let link = answer.flatMap { NextLink.target(in: $0.head.headers) }
        // Only path and query are the registry's to say: behind a proxy it may not know its own name, and no link leads
        // to another host.
        return (tags, link.flatMap { address.resolving($0) }.map { address.moved(to: $0) })
    }
}

/// The `Link` field's target that has the relation `next` (RFC 8288).
enum NextLink {
    static func target(in headers: HTTPHeaders) -> String? {
        for value in headers.all("Link") {
            for link in value.split(separator: "<").dropFirst(value.hasPrefix("<") ? 0 : 1) {
                let halves = link.split(separator: ">", maxSplits: 1)
                guard halves.count == 2 else { continue }
                let parameters = halves[1].split { $0 == ";" || $0 == "," || $0 == " " }.map { $0.lowercased() }
                if parameters.contains("rel=\"next\"") || parameters.contains("rel=next") { return String(halves[0]) }
            }
        }
        return nil
    }
}
