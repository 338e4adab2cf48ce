internal import Catalogue
internal import OCI

/// One image as the list and `/system/df` show it, before it becomes JSON.
struct ImageRow: Sendable {
    var target: Descriptor
    var tags: [Reference]
    /// `repository@digest` references.
    var digests: [Reference]
    /// When it was built, as its config says.
    var created: Timestamp?
    /// When it came to this store.
    var recorded: Timestamp
    var labels: [(key: String, value: String)]
    /// Bytes on disk of its distinct blobs, and of those that other images use too.
    var size: Int64
    var sharedSize: Int64
    /// Pins and active readers.
    var holders: Int

    init(_ image: ImageSummary) {
        target = image.target
        tags = image.tags
        digests = image.digests
        created = image.created
        recorded = image.recorded
        labels = image.labels
        size = image.size
        sharedSize = image.sharedSize
        holders = image.holders
    }

    init(
        target: Descriptor, tags: [Reference] = [], digests: [Reference] = [], created: Timestamp? = nil,
        recorded: Timestamp = Timestamp(seconds: 0), labels: [(key: String, value: String)] = [], size: Int64 = 0,
        sharedSize: Int64 = 0, holders: Int = 0
    ) {
        self.target = target
        self.tags = tags
        self.digests = digests
        self.created = created
        self.recorded = recorded
        self.labels = labels
        self.size = size
        self.sharedSize = sharedSize
        self.holders = holders
    }

    /// How much of a row a route tells.
    struct Detail: Sendable {
        var holders = false
        var sharedSize = false
        /// `nil` leaves the member out.
        var manifests: JSON?

        static let diskUsage = Detail(holders: true, sharedSize: true)
    }

    /// The row in the member order of dockerd, as clients of that version know it. -1 stands for what was not counted.
    func json(_ version: APIVersion, _ detail: Detail) -> JSON {
        let hasDescriptor = version >= .v1(48)
        var (tags, digests) = (self.tags.map(\.familiar), self.digests.map(\.familiar))
        if tags.isEmpty && digests.isEmpty && version < .v1(43) {
            (tags, digests) = (["<none>:<none>"], ["<none>@<none>"])
        }
        return .fields([
            "Containers": .integer(detail.holders ? Int64(holders) : -1),
            "Created": .integer(created?.seconds ?? 0),
            "Id": .string(target.digest.description),
            "Labels": .labels(labels),
            "ParentId": "",
            "Descriptor": target.brief.when(hasDescriptor),
            "Manifests": detail.manifests,
            "RepoDigests": .strings(digests),
            "RepoTags": .strings(tags),
            "SharedSize": .integer(detail.sharedSize ? sharedSize : -1),
            "Size": .integer(size),
            "VirtualSize": JSON.integer(size).when(version < .v1(44)),
        ])
    }
}

extension Descriptor {
    /// Without inline data, which may be as long as the content.
    var brief: JSON {
        var descriptor = self
        descriptor.data = nil
        return descriptor.json
    }
}
