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

    /// What a row tells, which depends on the route and on the client's version: rows of one shape are equal for all.
    struct Shape: Hashable, Sendable {
        var holders = false
        var sharedSize = false
        let descriptor: Bool
        /// Images without any name get one of `<none>`.
        let none: Bool
        let virtualSize: Bool

        init(_ version: APIVersion, holders: Bool, sharedSize: Bool) {
            self.holders = holders
            self.sharedSize = sharedSize
            descriptor = version >= .v1(48)
            none = version < .v1(43)
            virtualSize = version < .v1(44)
        }

        static func diskUsage(_ version: APIVersion) -> Shape { Shape(version, holders: true, sharedSize: true) }
    }

    /// The row in the member order of dockerd. -1 stands for what was not counted.
    /// - Parameter manifests: `nil` leaves the member out.
    func json(_ shape: Shape, manifests: JSON? = nil) -> JSON {
        var (tags, digests) = (self.tags.map(\.familiar), self.digests.map(\.familiar))
        if tags.isEmpty && digests.isEmpty && shape.none {
            (tags, digests) = (["<none>:<none>"], ["<none>@<none>"])
        }
        return .fields([
            "Containers": .integer(shape.holders ? Int64(holders) : -1),
            "Created": .integer(created?.seconds ?? 0),
            "Id": .string(target.digest.description),
            "Labels": .labels(labels),
            "ParentId": "",
            "Descriptor": target.brief.when(shape.descriptor),
            "Manifests": manifests,
            "RepoDigests": .strings(digests),
            "RepoTags": .strings(tags),
            "SharedSize": .integer(shape.sharedSize ? sharedSize : -1),
            "Size": .integer(size),
            "VirtualSize": JSON.integer(size).when(shape.virtualSize),
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
