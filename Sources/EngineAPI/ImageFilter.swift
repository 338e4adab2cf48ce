internal import OCI

/// The filters of the image list, made ready to be asked of every row.
struct ImageFilter: Sendable {
    static let known: Set<String> = ["before", "dangling", "label", "label!", "reference", "since", "until"]

    var references: [String] = []
    var dangling: Bool?
    var labels: [String] = []
    var withoutLabels: [String] = []
    /// Built before, and after, all of these.
    var before: [Timestamp] = []
    var since: [Timestamp] = []
    /// Came to this store before all of these.
    var until: [Timestamp] = []

    /// What an image is taken for that does not say when it was built.
    static let unknownBuild = Timestamp(seconds: -62_135_596_800)

    /// Reads all but `before` and `since`, for which images must be looked up.
    /// - Throws: ``EngineError`` for an unknown filter or a value that makes no sense.
    init(
        _ filters: Filters, known: Set<String> = ImageFilter.known, now: Timestamp
    ) throws(EngineError) {
        try filters.check(known: known)
        dangling = try filters.flag("dangling")
        references = filters["reference"]
        labels = filters["label"]
        withoutLabels = filters["label!"]
        for text in filters["until"] { until.append(try filterTime(text, now: now)) }
        for pattern in references { try ImageFilter.check(pattern) }
    }

    /// Every row passes as it is.
    var isEmpty: Bool {
        references.isEmpty && dangling == nil && labels.isEmpty && withoutLabels.isEmpty && before.isEmpty
            && since.isEmpty && until.isEmpty
    }

    /// A row that passes, without the references that a reference filter hides; `nil` when it does not.
    func apply(to row: ImageRow) -> ImageRow? {
        let built = row.created ?? ImageFilter.unknownBuild
        guard before.allSatisfy({ built < $0 }), since.allSatisfy({ built > $0 }),
            until.allSatisfy({ row.recorded < $0 }),
            labels.allSatisfy({ ImageFilter.has($0, row.labels) }),
            !withoutLabels.contains(where: { ImageFilter.has($0, row.labels) })
        else { return nil }
        // As in the containerd store: what was pulled by digest has a name, and nobody is to prune it as a leftover.
        if let dangling, dangling != (row.tags.isEmpty && row.digests.isEmpty) { return nil }
        guard !references.isEmpty else { return row }
        var row = row
        row.tags.removeAll { !matches($0) }
        row.digests.removeAll { !matches($0) }
        return row.tags.isEmpty && row.digests.isEmpty ? nil : row
    }

    /// `key` or `key=value`.
    private static func has(_ wanted: String, _ labels: [(key: String, value: String)]) -> Bool {
        let parts = wanted.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return labels.contains { label in
            label.key == parts[0] && (parts.count == 1 || label.value == parts[1])
        }
    }

    /// By the familiar form, with and without tag or digest.
    private func matches(_ reference: Reference) -> Bool {
        references.contains { pattern in
            ImageFilter.matches(pattern, reference.familiar)
                || ImageFilter.matches(pattern, reference.repository.familiar)
        }
    }

    private static func matches(_ pattern: String, _ name: String) -> Bool {
        do { return try ReferenceGlob.matches(pattern, name) } catch { return false }
    }

    private static func check(_ pattern: String) throws(EngineError) {
        do { _ = try ReferenceGlob.matches(pattern, "") } catch { throw .badPattern(pattern) }
    }
}
