/// One entry of a tar, as its headers tell.
public struct TarMember: Sendable, Equatable {
    /// What an entry is.
    public enum Kind: Sendable, Equatable {
        case file, directory
        /// A symbolic link; ``TarMember/link`` is what it says.
        case symbolicLink
        /// Another name of an earlier entry, which ``TarMember/link`` names.
        case hardLink
        case characterDevice, blockDevice, fifo
        /// A file with holes, in GNU tar's old or new way.
        case sparseFile
        /// Anything else; carries the type flag.
        case other(UInt8)
    }

    /// As written, not normalised; never empty.
    public var name: String
    public var kind: Kind
    /// Bytes of content that follow.
    public var size: Int64
    /// What a link names; empty for the rest.
    public var link: String
    /// Permission bits.
    public var mode: UInt32

    public init(name: String, kind: Kind, size: Int64 = 0, link: String = "", mode: UInt32 = 0o644) {
        self.name = name
        self.kind = kind
        self.size = size
        self.link = link
        self.mode = mode
    }
}

/// Takes the parts of a tar as they come.
public protocol TarReceiver {
    /// An entry begins; its content follows, `member.size` bytes of it.
    mutating func begin(_ member: TarMember) throws
    /// Bytes of the entry's content, in order.
    mutating func content(_ bytes: RawSpan) throws
    /// The entry is over.
    mutating func end() throws
}
