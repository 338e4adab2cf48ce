internal import Catalogue
internal import Coordination
internal import OCI

/// The last answers to the questions that dashboards and prompts ask again and again: `/system/df` and `/images/json`
/// without filters. Of ten thousand images such an answer takes a tenth of a second to make and a millisecond to
/// repeat; it is repeated only while nothing in the catalogue has changed since.
final class ListCache: Sendable {
    /// A route, the version that shapes its answer, and the query.
    struct Key: Hashable, Sendable {
        let route: String
        let version: String
        let query: [String]
    }

    private struct Entry {
        let stamp: Catalogue.Stamp
        let body: [UInt8]
    }

    /// Answers of all API versions and queries together: two lists of ten thousand images.
    private static let maximumBytes = 16 << 20
    private static let maximumEntries = 8

    private let entries = Locked<[Key: Entry]>([:])

    func body(_ key: Key, at stamp: Catalogue.Stamp) -> [UInt8]? {
        entries.withLock { entries in
            guard let entry = entries[key], entry.stamp == stamp else { return nil }
            return entry.body
        }
    }

    /// Keeps an answer that was begun when the catalogue had this stamp. Older ones go, and all when there are too
    /// many.
    func keep(_ body: [UInt8], _ key: Key, at stamp: Catalogue.Stamp) {
        entries.withLock { entries in
            entries = entries.filter { $0.value.stamp == stamp && $0.key != key }
            let bytes = entries.values.reduce(body.count) { $0 + $1.body.count }
            if bytes > Self.maximumBytes || entries.count >= Self.maximumEntries { entries = [:] }
            if body.count <= Self.maximumBytes { entries[key] = Entry(stamp: stamp, body: body) }
        }
    }
}

extension EngineRoutes {
    /// The answer as it was, if nothing has changed since, else as `make` makes it.
    func repeated(_ route: String, _ call: Call, make: () async throws -> [UInt8]) async throws -> Reply {
        let key = ListCache.Key(
            route: route, version: call.version.description, query: call.query.map { "\($0.name)=\($0.value)" }.sorted()
        )
        // Asked for before the catalogue is read: what changes meanwhile makes this answer old, not wrong.
        let stamp = context.catalogue.stamp
        if let body = lists.body(key, at: stamp) { return .rendered(body) }
        let body = try await make()
        lists.keep(body, key, at: stamp)
        return .rendered(body)
    }

    /// The rows of all images, as the elements of a JSON array without its brackets. They are made one by one: ten
    /// thousand of them as values would take several times the room of their text.
    func renderedRows(_ row: @escaping @Sendable (ImageSummary) -> JSON?) async throws -> [UInt8] {
        try await context.catalogue.reduceImages(into: []) { bytes, image in
            guard let row = row(image) else { return }
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
            bytes += row.serialized()
        }
    }
}
