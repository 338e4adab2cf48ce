internal import Glibc

/// An open blob. It is closed with the last reference and stays readable until then, whatever happens to its name.
public final class BlobFile: Sendable {
    /// For `pread` and `sendfile` with an offset, as readers share the file's position. Not to be closed by others.
    public let descriptor: Int32
    /// Length in bytes.
    public let size: Int64

    /// Hashed since the machine's boot, and unchanged since. Whoever gives out the bytes of one that is not hashes them
    /// on their way, withholds the end until they match, and tells the store (``ContentStore/concluded(_:_:actual:)``).
    public let isVerified: Bool

    /// Takes over `descriptor`, which is closed in the end.
    public init(descriptor: Int32, size: Int64, isVerified: Bool = true) {
        self.descriptor = descriptor
        self.size = size
        self.isVerified = isVerified
    }

    deinit { close(descriptor) }
}
