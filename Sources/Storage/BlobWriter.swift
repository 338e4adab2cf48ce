/// Takes one blob's bytes. Called on the curl thread, so neither async nor slow (but for ``stretch(at:)``), and not any
/// more after the `fill` it was given to has ended.
///
/// Bytes come in order by `append`, or in several places at once, each through a stretch of its own.
public protocol BlobWriter: AnyObject, Sendable {
    /// Bytes held from the first one on without a gap, from this attempt or an earlier one.
    var offset: Int64 { get }

    /// Bytes held in all.
    var held: Int64 { get }

    /// Where bytes are missing, in order.
    var missing: [Range<Int64>] { get }

    /// Adds bytes after ``offset``. One call at a time.
    /// - Throws: a ``Fault``: `.integrity` when they are more than the descriptor's size allows; `.outOfSpace`, or
    ///   what else the disk says. The ingest has then failed, whatever `fill` does after.
    func append(_ bytes: RawSpan) throws

    /// Begins to take bytes from `position` on, which is to be one where bytes are missing and no other stretch is.
    /// - Throws: a ``Fault``, as `append`.
    func stretch(at position: Int64) async throws -> any BlobStretch

    /// Forgets all bytes held, to begin at 0: for a source that cannot continue in the middle. No stretch begun before
    /// takes bytes any more.
    func restart() throws
}

/// A place in a blob where bytes are being added in order. One call at a time.
public protocol BlobStretch: AnyObject, Sendable {
    /// Where the next byte goes.
    var position: Int64 { get }

    /// Adds bytes at ``position``.
    /// - Throws: a ``Fault``, as ``BlobWriter/append(_:)``; that bytes are held already is one, for a digest over bytes
    ///   that changed after they were hashed would mean nothing.
    func append(_ bytes: RawSpan) throws

    /// Hands over what was gathered. Later bytes go to another stretch.
    func close() throws
}
