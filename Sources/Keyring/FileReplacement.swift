internal import Glibc

/// Replaces a file by one with other bytes, all or nothing: whoever reads it sees the old or the new one whole.
public struct FileReplacement: Sendable {
    private let path: String

    public init(_ path: String) { self.path = path }

    /// Writes the file anew. One that was there keeps its mode and owner; a new one gets `mode`, and its directory is
    /// made, for the owner alone, if only that is missing.
    /// - Throws: ``KeyringError/file(_:reason:)``; the file is then as it was.
    public func write(_ bytes: [UInt8], mode: UInt32) throws(KeyringError) {
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { _ = mkdir(String(path[..<slash]), 0o700) }
        var status = stat()
        let existed = stat(path, &status) == 0
        var name = Array((path + ".XXXXXX").utf8CString)
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw failure("no file beside it") }
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let temporary = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        _ = fchmod(descriptor, existed ? status.st_mode & 0o7777 : mode_t(mode))
        if existed { _ = fchown(descriptor, status.st_uid, status.st_gid) }
        guard FileReplacement.writeAll(bytes, descriptor), fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            let failure = failure("writing")
            unlink(temporary)
            throw failure
        }
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 || errno == EINTR else { return false }
            rest = rest.dropFirst(max(0, written))
        }
        return true
    }

    private func failure(_ what: String) -> KeyringError {
        .file(path, reason: "cannot be written: \(what): \(String(cString: strerror(errno)))")
    }
}
