internal import Glibc
internal import Coordination
public import OCI
internal import SystemPackage

/// A name and what it names, for `index.json`.
public struct NamedDescriptor: Sendable, Hashable {
    public var reference: Reference
    public var descriptor: Descriptor
    /// Kept from removal; the annotation ``pinAnnotation`` in `index.json`.
    public var isPinned: Bool
    /// Only ever fetched with credentials; the annotation ``privateAnnotation`` in `index.json`.
    public var isPrivate: Bool

    public init(reference: Reference, descriptor: Descriptor, isPinned: Bool = false, isPrivate: Bool = false) {
        self.reference = reference
        self.descriptor = descriptor
        self.isPinned = isPinned
        self.isPrivate = isPrivate
    }

    /// `"true"` on what is pinned: with it nothing but statistics is lost with the catalogue.
    public static let pinAnnotation = "io.github.layerd.pinned"
    /// `"true"` on what is private.
    public static let privateAnnotation = "io.github.layerd.private"
}

/// Writes `index.json`. Of calls that come while one is at work only the last one's content is written, for all of
/// them.
actor IndexFile {
    private let executor = ThreadExecutor(name: "store-index")
    private let path: FilePath
    private var newest: [NamedDescriptor] = []
    private var waiting: [CheckedContinuation<Void, any Error>] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(path: FilePath) { self.path = path }

    /// Returns when these entries, or those of a later call, are durable.
    func write(_ entries: [NamedDescriptor]) async throws {
        newest = entries
        try await withCheckedThrowingContinuation { done in
            waiting.append(done)
            guard waiting.count == 1 else { return }
            // Awaited by all whose continuations it resumes; runs after the calls that are queued already.
            Task { flush() }
        }
    }

    /// What the file says; entries without a name, and names that are none, are left out.
    /// - Throws: ``StorageError``; an ``OCIError`` when it is no image index.
    func read() throws -> [NamedDescriptor] {
        let file = try OpenFile(path, O_RDONLY, to: "open")
        let size = try file.status().size
        var limits = JSON.Limits()
        (limits.bytes, limits.values) = (1 << 30, 100_000_000)
        var bytes = [UInt8](repeating: 0, count: Int(clamping: min(size, Int64(limits.bytes))))
        bytes.removeLast(bytes.count - (try file.read(bytes.count, into: &bytes, at: 0)))
        let entries = try JSON(parsing: bytes, limits: limits)["manifests"]?.array ?? []
        return try entries.compactMap { entry in
            var descriptor = try Descriptor(entry, in: "index.json")
            func take(_ key: String) -> String? { descriptor.annotations.removeValue(forKey: key) }
            let plain = take("org.opencontainers.image.ref.name")
            let (isPinned, isPrivate) = (
                take(NamedDescriptor.pinAnnotation) == "true", take(NamedDescriptor.privateAnnotation) == "true"
            )
            guard let name = take("io.containerd.image.name") ?? plain, let reference = Self.reference(name) else {
                return nil
            }
            return NamedDescriptor(
                reference: reference, descriptor: descriptor, isPinned: isPinned, isPrivate: isPrivate)
        }
    }

    private static func reference(_ text: String) -> Reference? {
        do { return try Reference(parsing: text) } catch { return nil }
    }

    private func flush() {
        let done = waiting
        waiting = []
        let outcome: Result<Void, any Error> = Result { try replaceDurably(path, with: Self.document(newest)) }
        for continuation in done { continuation.resume(with: outcome) }
    }

    /// An image index with one entry per reference, in the order of the references; of two with the same one, the last
    /// counts.
    ///
    /// Source: OCI image-spec v1.1.1, `image-layout.md`, "index.json file"; containerd and ctr read the second
    /// annotation.
    static func document(_ entries: [NamedDescriptor]) -> [UInt8] {
        let named = Dictionary(entries.map { ($0.reference.description, $0) }, uniquingKeysWith: { $1 })
        let manifests = named.sorted { $0.key < $1.key }.map { name, entry in
            var descriptor = entry.descriptor
            descriptor.data = nil
            descriptor.annotations["org.opencontainers.image.ref.name"] = name
            descriptor.annotations["io.containerd.image.name"] = name
            descriptor.annotations[NamedDescriptor.pinAnnotation] = entry.isPinned ? "true" : nil
            descriptor.annotations[NamedDescriptor.privateAnnotation] = entry.isPrivate ? "true" : nil
            return descriptor.json
        }
        let index: JSON = [
            "schemaVersion": 2,
            "mediaType": .string(MediaType.ociIndex.text),
            "manifests": .array(manifests),
        ]
        return index.serialized()
    }
}
