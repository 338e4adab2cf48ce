public import Catalogue

extension ImageEventLog {
    /// Tells of a removal: its names in order, then the images that went.
    /// - Parameter before: images whose names were removed, for their labels.
    public func post(_ removed: RemovedImages, before: [ImageSummary] = []) {
        let removal = removed.removal
        var labels = Dictionary(before.map { ($0.id, $0.labels) }, uniquingKeysWith: { $1 })
        for image in removal.images { labels[image.id] = image.labels }
        for (reference, image) in removal.names {
            post(.untagged(image, from: reference, labels: Dictionary(labels: labels[image] ?? [])))
        }
        for image in removal.images {
            for tag in image.tags { post(.untagged(image.id, from: tag, labels: Dictionary(labels: image.labels))) }
            post(.deleted(image.id))
        }
    }
}
