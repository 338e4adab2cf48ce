// Corpus: the folder of real image data that lies beside the project where it is developed. Nothing of it is copied
// into the project; suites that read it skip where it is absent.

internal import FoundationEssentials
public import OCI

/// Finds and reads the files of the shared folder: `$LAYERD_SHARED`, else `shared` beside the package's own folder.
///
///     @Suite(.enabled(if: CorpusFiles.isPresent(), CorpusFiles.absence))
public enum CorpusFiles {
    /// What a suite says when it skips; goes with ``isPresent(from:)``.
    public static let absence = "the shared corpus is neither at LAYERD_SHARED nor beside the package"

    /// A file of the corpus that a test needs and cannot have.
    public struct Unreadable: Error, CustomStringConvertible {
        /// Which file, and why not.
        public let description: String
    }

    /// Whether the folder is there. To be called from a file of `Tests/<Suite>/`, directly.
    public static func isPresent(from file: String = #filePath) -> Bool { root(from: file) != nil }

    /// Path of a file or folder, named relative to the shared folder: `corpus/public/vectors/chain-id.json`.
    /// - Throws: ``Unreadable`` when the shared folder is absent.
    public static func path(_ name: String, from file: String = #filePath) throws -> String {
        guard let root = root(from: file) else { throw Unreadable(description: absence) }
        return "\(root)/\(name)"
    }

    /// The file's bytes, unpacked if its name ends in `.zst`.
    public static func bytes(_ name: String, from file: String = #filePath) throws -> [UInt8] {
        let path = try path(name, from: file)
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Unreadable(description: "\(name) of the corpus cannot be read")
        }
        return name.hasSuffix(".zst") ? try decompressZstd(Array(data)) : Array(data)
    }

    /// The file as one JSON document.
    public static func json(_ name: String, from file: String = #filePath) throws -> JSON {
        try JSON(parsing: bytes(name, from: file), limits: limits)
    }

    /// The file as JSON, one document a line.
    public static func lines(_ name: String, from file: String = #filePath) throws -> [JSON] {
        try bytes(name, from: file).split(separator: UInt8(ascii: "\n")).map { try JSON(parsing: $0, limits: limits) }
    }

    /// The `cases` of a table of `corpus/public/vectors`, named without its suffix.
    public static func cases(_ table: String, from file: String = #filePath) throws -> [JSON] {
        guard let cases = try json("corpus/public/vectors/\(table).json", from: file)["cases"]?.array else {
            throw Unreadable(description: "the table \(table) has no cases")
        }
        return cases
    }

    /// Names of the files in a folder, sorted.
    public static func names(in folder: String, from file: String = #filePath) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path(folder, from: file)).sorted()
    }

    private static func root(from file: String) -> String? {
        let candidates = [
            ProcessInfo.processInfo.environment["LAYERD_SHARED"],
            file.split(separator: "/").count > 4
                ? "/" + file.split(separator: "/").dropLast(4).joined(separator: "/") + "/shared" : nil,
        ]
        return candidates.compactMap(\.self).first { FileManager.default.fileExists(atPath: $0 + "/corpus") }
    }

    /// Files of our own choice, some longer than what layerd accepts from outside.
    private static let limits: JSON.Limits = {
        var limits = JSON.Limits()
        limits.bytes = 64 << 20
        limits.values = 5_000_000
        return limits
    }()
}
