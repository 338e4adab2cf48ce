internal import Hashing
internal import OCI

extension HubContent {
    /// Adds an OCI image layout, bit for bit, whole or not: every entry of its index.json and every blob.
    ///
    /// A tag is the entry's `org.opencontainers.image.ref.name`, or what follows the colon in it. An entry without a
    /// name is `latest` if it is the only one; of several, index.json itself is the index `latest`, and the entries are
    /// `entry-0`, `entry-1` and so on.
    /// - Returns: the tags.
    /// - Throws: ``StandInError``, `OCIError` when index.json or its descriptors cannot be read.
    @discardableResult
    public func addLayout(_ directory: String, to repository: String) throws -> [String] {
        let index = try Files.read("\(directory)/index.json")
        let entries = try JSON(parsing: index)["manifests"]?.array ?? []
        try addBlobs(of: directory, to: repository)
        var tags: [String] = []
        for (number, entry) in entries.enumerated() {
            let name = entry["annotations"]?["org.opencontainers.image.ref.name"]?.string
            let tag = name.map(Self.tag) ?? (entries.count == 1 ? "latest" : "entry-\(number)")
            try add(entry, of: directory, to: repository, tag: tag)
            tags.append(tag)
        }
        if entries.count > 1, !tags.contains("latest"), tags.allSatisfy({ $0.hasPrefix("entry-") }) {
            addManifest(index, mediaType: .ociIndex, to: repository, tags: ["latest"])
            tags.append("latest")
        }
        return tags
    }

    private func addBlobs(of directory: String, to repository: String) throws {
        guard Files.size("\(directory)/blobs") != nil else { return }
        for algorithm in try Files.list("\(directory)/blobs") {
            for name in try Files.list("\(directory)/blobs/\(algorithm)") {
                guard let digest = try? Digest(parsing: "\(algorithm):\(name)") else { continue }
                try add(FileSource(path: "\(directory)/blobs/\(algorithm)/\(name)"), digest: digest, to: repository)
            }
        }
    }

    /// Adds a descriptor's document as a manifest, and those an index names.
    private func add(_ entry: JSON, of directory: String, to repository: String, tag: String?, depth: Int = 0) throws {
        guard let type = entry["mediaType"]?.string, let text = entry["digest"]?.string else { return }
        let digest = try Digest(parsing: text)
        let mediaType = MediaType(type)
        let path = "\(directory)/blobs/\(digest.algorithm.rawValue)/\(digest.hex)"
        guard Files.size(path) != nil else { return }
        let manifest = StoredManifest(mediaType: mediaType, source: try FileSource(path: path))
        add(manifest, digest: digest, to: repository, tags: tag.map { [$0] } ?? [])
        // An index that names itself would not end.
        guard mediaType.isIndex, depth < 8 else { return }
        for child in try JSON(parsing: Files.read(path))["manifests"]?.array ?? [] {
            try add(child, of: directory, to: repository, tag: nil, depth: depth + 1)
        }
    }

    private static func tag(_ name: String) -> String {
        let name = name.split(separator: "@").first.map(String.init) ?? name
        let tag = name.split(separator: ":").last.map(String.init) ?? name
        return tag.split(separator: "/").last.map(String.init) ?? tag
    }
}
