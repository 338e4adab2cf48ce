internal import Glibc
internal import SystemPackage

extension LocalContentStore {
    /// Bytes that may still be written to the file system of the store: what `df` calls available, without the blocks
    /// that are reserved for root.
    public func freeBytes() async throws -> Int64 {
        try await lookups.run { [layout] in
            var status = statvfs()
            try systemCall("ask for the free space of", layout.blobs) {
                Int(layout.blobs.withPlatformString { statvfs($0, &status) })
            }
            return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
        }
    }
}
