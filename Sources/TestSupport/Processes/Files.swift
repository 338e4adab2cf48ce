internal import FoundationEssentials
internal import Glibc

/// A directory of its own under the system's temporary directory, removed with everything in it when the last
/// reference goes.
public final class TemporaryDirectory: Sendable {
    /// Absolute path, without a slash at the end.
    public let path: String

    /// - Parameter prefix: how the directory's name begins, for people who find one left over.
    /// - Throws: ``StandInError``.
    public init(_ prefix: String = "layerd-test") throws {
        let root = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(root)/\(prefix)-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        guard made else { throw StandInError.file("make a directory in", path: root, errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The path of `name` in this directory.
    public func path(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes the directory and everything in it, before the last reference goes.
    public func remove() {
        // Whoever is done with it has no use for a failure, and what stays behind is a file in /tmp.
        _ = Result { try FileManager.default.removeItem(atPath: path) }
    }

    deinit { remove() }
}

/// Whole files and directories, for set-ups and comparisons.
public enum Files {
    /// The bytes of the file at `path`.
    /// - Throws: ``StandInError``.
    public static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StandInError.file("open", path: path, errno: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while true {
            let piece = try readPiece(descriptor, at: Int64(bytes.count), count: 1 << 20, path: path)
            if piece.isEmpty { return bytes }
            bytes += piece
        }
    }

    /// Up to `count` bytes of an open file, fewer at its end only.
    static func readPiece(_ descriptor: Int32, at offset: Int64, count: Int, path: String) throws -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let room = buffer.baseAddress?.advanced(by: filled)
                let got = pread(descriptor, room, count - filled, Int(offset) + filled)
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                filled += got
            }
        }
        guard failure == 0 else { throw StandInError.file("read", path: path, errno: failure) }
        return bytes
    }

    /// Writes a file, anew.
    /// - Throws: ``StandInError``.
    public static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw StandInError.file("create", path: path, errno: errno) }
        defer { close(descriptor) }
        try append(bytes, to: descriptor, path: path)
    }

    /// Writes a text file, anew.
    /// - Throws: ``StandInError``.
    public static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    static func append(_ bytes: [UInt8], to descriptor: Int32, path: String) throws {
        try bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw StandInError.file("write", path: path, errno: errno) }
                written += count
            }
        }
    }

    /// The length of the file at `path` in bytes; `nil` when there is none.
    public static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// The names in a directory, sorted, without `.` and `..`.
    /// - Throws: what `FileManager` throws.
    public static func list(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    /// Makes a directory and those above it; one that exists already is fine.
    /// - Throws: what `FileManager` throws.
    public static func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
}
