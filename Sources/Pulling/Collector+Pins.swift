internal import Catalogue
public import OCI

extension Collector {
    /// Pins what `text` means: the name, if it is one; every name of the image, if it is an ID or a digest that is no
    /// name of its own. `index.json` says so when this returns.
    /// - Returns: the names, in the order of their canonical text.
    /// - Throws: ``CatalogueError``; ``PullingError/nothingToPin(_:)`` for an image without names.
    public func pin(_ text: String) async throws -> [Reference] { try await set(pinned: true, text) }

    /// Ends the pins of what `text` means, as in ``pin(_:)``.
    public func unpin(_ text: String) async throws -> [Reference] { try await set(pinned: false, text) }

    private func set(pinned: Bool, _ text: String) async throws -> [Reference] {
        let image = try await catalogue.resolve(text)
        let names = try await catalogue.names(of: image.id)
        guard !names.isEmpty else { throw PullingError.nothingToPin(image.id) }
        var meant = names
        if let reference = try? Reference(parsing: text).forPull, names.contains(reference) { meant = [reference] }
        var changed = false
        for name in meant {
            let change = pinned ? try await catalogue.pin(name) : try await catalogue.unpin(name)
            changed = changed || change
        }
        if changed { try await updateIndex() }
        return meant
    }
}
