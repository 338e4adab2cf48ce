internal import Glibc
internal import OCI

/// A file that holds a secret. It is looked at before it is believed: what strangers may write is no credential of
/// ours, and what strangers may read is no secret.
public struct SecretFile: Sendable {
    /// What tells one state of a file from another, so that an unchanged one is not read again.
    public struct Version: Sendable, Equatable {
        fileprivate let device: UInt64, inode: UInt64, size: Int64, seconds: Int64, nanoseconds: Int64
    }

    /// Whom a file may be open to.
    public enum Privacy: Sendable {
        /// Its owner is root or this process's user; nobody but the owner writes, strangers do not read. A group may,
        /// as in `root:layerd 0640`.
        case required
        /// Not looked at: docker itself does not, in its own file.
        case unchecked
    }

    /// A password or token is a line.
    public static let lineLimit = 64 << 10

    public let path: String
    private let privacy: Privacy

    public init(_ path: String, privacy: Privacy = .required) {
        self.path = path
        self.privacy = privacy
    }

    /// The state the file is in; `nil` when there is none.
    public var version: Version? {
        var status = stat()
        return stat(path, &status) == 0 ? SecretFile.version(status) : nil
    }

    /// The whole file; `nil` when there is none of that name.
    /// - Throws: ``KeyringError/file(_:reason:)`` for one that is no regular file, open to strangers, empty, longer
    ///   than `limit` bytes, or unreadable.
    public func read(limit: Int) throws(KeyringError) -> [UInt8]? {
        // A pipe without a writer must not hold us up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw .file(path, reason: "cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .file(path, reason: "is no regular file")
        }
        try check(status)
        guard status.st_size > 0 else { throw .file(path, reason: "is empty") }
        let bytes = try SecretFile.bytes(descriptor, upTo: limit + 1, path)
        guard bytes.count <= limit else { throw .file(path, reason: "has more than \(limit) bytes: not what is meant") }
        return bytes
    }

    /// The file's only line, without its end; `nil` when there is no such file.
    /// - Throws: ``KeyringError/file(_:reason:)``, also for what is no text or more than a line.
    public func line() throws(KeyringError) -> String? {
        guard let bytes = try read(limit: SecretFile.lineLimit) else { return nil }
        guard var text = String(validating: bytes, as: UTF8.self) else {
            throw .file(path, reason: "is binary: it must hold one line of text")
        }
        // Editors and `echo` end the file with a newline that is no part of the secret.
        if text.last?.isNewline == true { text.removeLast() }
        guard !text.isEmpty else { throw .file(path, reason: "is empty") }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F || $0 == "\t" }) else {
            throw .file(path, reason: "must hold one line of text, without control characters")
        }
        return text
    }

    private func check(_ status: stat) throws(KeyringError) {
        guard case .required = privacy else { return }
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            throw .file(path, reason: "belongs to another user: make root or layerd's user its owner")
        }
        guard status.st_mode & 0o027 == 0 else {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            throw .file(path, reason: "is open to others (mode \(mode)): make it 0600, or 0640 with layerd's group")
        }
    }

    private static func bytes(_ descriptor: Int32, upTo count: Int, _ path: String) throws(KeyringError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < count {
            let taken = Glibc.read(descriptor, &buffer, min(buffer.count, count - bytes.count))
            if taken < 0, errno == EINTR { continue }
            guard taken >= 0 else { throw .file(path, reason: "cannot be read: \(String(cString: strerror(errno)))") }
            if taken == 0 { break }
            bytes += buffer[..<taken]
        }
        return bytes
    }

    private static func version(_ status: stat) -> Version {
        Version(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            seconds: Int64(status.st_ctim.tv_sec), nanoseconds: Int64(status.st_ctim.tv_nsec))
    }
}
