public import Catalogue
internal import OCI
public import Storage

/// Tells an empty catalogue what `index.json` and the blobs say: every name with its pin and its privacy, and the
/// images they name. What is lost are statistics of use, and images that had no name.
public struct CatalogueRebuild: Sendable {
    /// What a rebuild came to.
    public struct Report: Sendable, Equatable {
        /// Tags and digest references.
        public var names = 0
        /// Distinct images of which everything is here that was.
        public var images = 0
    }

    private let store: any ContentStore
    private let catalogue: Catalogue

    public init(store: any ContentStore, catalogue: Catalogue) {
        self.store = store
        self.catalogue = catalogue
    }

    /// Enters `names`, one image after the other; what is there already is added to.
    /// - Throws: a ``Fault``; a damaged blob is none, its image is then not whole.
    public func run(_ names: [NamedDescriptor]) async throws -> Report {
        var report = Report()
        let byImage = Dictionary(grouping: names, by: \.descriptor.digest)
        for (_, group) in byImage.sorted(by: { $0.key < $1.key }) {
            guard let first = group.first else { continue }
            let reader = StoredImageReader(
                store: store, source: first.reference.repository.description,
                isPrivate: group.allSatisfy(\.isPrivate))
            let entry = try await reader.entry(of: first.descriptor)
            try await catalogue.record(entry, named: group.map(\.reference))
            for name in group where name.isPinned { try await catalogue.pin(name.reference) }
            report.images += 1
            report.names += group.count
        }
        return report
    }
}
