public import OCI
public import Storage

/// How much of the disk the store may take: the `[store]` section of the configuration.
public struct Quota: Sendable, Equatable {
    /// Bytes of all blobs and of transfers begun; 0 for no limit.
    public var maxSize: Int64 = 0
    /// Bytes of the file system that stay free.
    public var minFree: Int64 = 0
    /// Once something has to go, images go until this share of ``maxSize`` is used.
    public var lowWatermark = 0.8
    /// An image younger than this, or used more recently, stays.
    public var keepAtLeast: Duration = .seconds(3600)

    public init() {}

    /// What blobs may take. The rest of ``maxSize`` is for the documents that tell what a pull will bring, which come
    /// before anything is known of it.
    var blobLimit: Int64 { maxSize == 0 ? .max : maxSize - min(maxSize / 64, 16 << 20) }

    var lowMark: Int64 { maxSize == 0 ? .max : min(blobLimit, Int64(Double(maxSize) * lowWatermark)) }
}

/// What the disk tells of itself.
public protocol SpaceReporting: Sendable {
    /// Bytes that may still be written to the store's file system.
    func freeBytes() async throws -> Int64
    /// Transfers under way or interrupted.
    func ingests() async throws -> [HeldIngest]
    /// Removes an interrupted transfer; one that is being filled stays.
    @discardableResult func dropIngest(_ digest: Digest) async throws -> Bool
}

extension LocalContentStore: SpaceReporting {}

/// Why there is no room for something.
public enum SpaceError: Fault, Equatable {
    /// Even with all gone that may go, there is no room. Bytes needed, bytes there would be, and why the largest of the
    /// images that are left stay.
    case noRoom(needed: Int64, available: Int64, staying: [String])

    public var kind: FaultKind { .outOfSpace }

    public var description: String {
        switch self {
        case .noRoom(let needed, let available, let staying):
            "no space left on device: needs \(needed), free \(available) bytes, with all gone that may go"
                + (staying.isEmpty ? "" : "; these stay: " + staying.joined(separator: ", "))
        }
    }
}
