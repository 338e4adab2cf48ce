/// One thing in a layer's tar: a file, directory or link.
public struct TarEntry: Sendable {
    /// What it is.
    public enum Kind: Sendable {
        case file(any BlobSource)
        case directory
        /// A symbolic link and what it says.
        case symbolicLink(String)
        /// Another name of an earlier entry's file.
        case hardLink(String)
    }

    /// Path in the image, without a leading slash.
    public var path: String
    public var kind: Kind
    /// Permission bits.
    public var mode: UInt32
    public var owner: UInt32 = 0
    public var group: UInt32 = 0
    /// Seconds since 1970; a constant by default, so that a layer's digest depends on its content only.
    public var modified: Int64 = 1_700_000_000

    public init(_ path: String, _ kind: Kind, mode: UInt32) {
        self.path = path
        self.kind = kind
        self.mode = mode
    }

    /// A file with these bytes.
    public static func file(_ path: String, _ content: any BlobSource, mode: UInt32 = 0o644) -> TarEntry {
        TarEntry(path, .file(content), mode: mode)
    }

    /// A text file.
    public static func file(_ path: String, _ text: String, mode: UInt32 = 0o644) -> TarEntry {
        TarEntry(path, .file(BytesSource(text)), mode: mode)
    }

    /// A directory, open to read for all.
    public static func directory(_ path: String, mode: UInt32 = 0o755) -> TarEntry {
        TarEntry(path, .directory, mode: mode)
    }

    /// A symbolic link.
    public static func link(_ path: String, to target: String) -> TarEntry {
        TarEntry(path, .symbolicLink(target), mode: 0o777)
    }

    /// The mark that a layer removes `path` (OCI image-spec `layer.md`, "Whiteouts").
    public static func whiteout(_ path: String) -> TarEntry {
        let parts = path.split(separator: "/")
        return file((parts.dropLast().map(String.init) + [".wh.\(parts.last ?? "")"]).joined(separator: "/"), "")
    }
}
