internal import Glibc
internal import SystemPackage

/// An open file or directory, closed with its last reference.
///
/// Every call is repeated when a signal interrupts it, but for syncs: a sync that failed is final, for the kernel marks
/// the pages clean and the next one succeeds with the data lost (seen on ext4 and xfs).
final class OpenFile: Sendable {
    let descriptor: Int32
    let path: FilePath

    /// Never follows a symbolic link in the last place, and never waits for the other end of a FIFO.
    init(_ path: FilePath, _ flags: Int32, mode: mode_t = 0o600, to action: String) throws(StorageError) {
        descriptor = Int32(
            try systemCall(action, path) {
                Int(Glibc.open(path.string, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode))
            })
        self.path = path
    }

    /// The file that is open for serving, under a descriptor of its own.
    init(sharing file: BlobFile, path: FilePath) throws(StorageError) {
        descriptor = Int32(try systemCall("open", path) { Int(fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)) })
        self.path = path
    }

    convenience init(directory path: FilePath) throws(StorageError) {
        try self.init(path, O_RDONLY | O_DIRECTORY, to: "open")
    }

    deinit { close(descriptor) }

    func status() throws(StorageError) -> FileStatus {
        var status = stat()
        try systemCall("look at", path) { Int(fstat(descriptor, &status)) }
        return FileStatus(status)
    }

    /// Writes all of `bytes`, however many calls it takes.
    func write(_ bytes: RawSpan, at offset: Int64) throws(StorageError) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Void, StorageError> in
            // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
            var done = 0
            while done < buffer.count {
                let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
                do throws(StorageError) {
                    let count = try systemCall("write", path) {
                        pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
                    }
                    guard count > 0 else { return .failure(.system(SystemFailure("write", path, .ioError))) }
                    done += count
                } catch {
                    return .failure(error)
                }
            }
            return .success(())
        }
        try result.get()
    }

    /// Reads into the first `count` places of `bytes` until they are full or the file ends; returns how many came.
    func read(_ count: Int, into bytes: inout [UInt8], at offset: Int64) throws(StorageError) -> Int {
        precondition(count <= bytes.count, "no room for what is read")
        let result = bytes.withUnsafeMutableBytes { buffer -> Result<Int, StorageError> in
            // INVARIANT (raw pointer): used within the closure only, while the array keeps its bytes alive.
            var done = 0
            while done < count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<count])
                do throws(StorageError) {
                    let more = try systemCall("read", path) {
                        pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
                    }
                    if more == 0 { break }
                    done += more
                } catch {
                    return .failure(error)
                }
            }
            return .success(done)
        }
        return try result.get()
    }

    /// Cuts the file, and gives back what was reserved after its new end.
    func truncate(to size: Int64) throws(StorageError) {
        try systemCall("shorten", path) { Int(ftruncate(descriptor, off_t(size))) }
    }

    /// Puts an empty file in its place, under the same name and descriptor. The one that was stays, without a name,
    /// with those who share it.
    func renew() throws(StorageError) {
        guard let dup3 = GNUCalls.dup3 else { throw .system(SystemFailure("renew", path, .noFunction)) }
        try Names.unlink(path)
        let fresh = try OpenFile(path, O_RDWR | O_CREAT | O_EXCL, to: "create")
        try systemCall("renew", path) { Int(dup3(fresh.descriptor, descriptor, O_CLOEXEC)) }
    }

    func setMode(_ mode: mode_t) throws(StorageError) {
        try systemCall("set the mode of", path) { Int(fchmod(descriptor, mode)) }
    }

    /// Makes the bytes and the length durable. A failure is final: the file is to be given up.
    func syncData() throws(StorageError) {
        guard fdatasync(descriptor) == 0 else { throw StorageError(SystemFailure("sync", path, .last)) }
    }

    /// Makes a directory's names durable, or a file with all that belongs to it. A failure is final.
    func sync() throws(StorageError) {
        guard fsync(descriptor) == 0 else { throw StorageError(SystemFailure("sync", path, .last)) }
    }

    /// Reserves space for bytes after `offset` without changing the file's length, so that a full disk is known before
    /// the first byte is fetched. File systems that cannot reserve say so later, at the write.
    func reserve(_ count: Int64, from offset: Int64) throws(StorageError) {
        guard count > 0, let fallocate = GNUCalls.fallocate else { return }
        do {
            try systemCall("reserve space for", path) { Int(fallocate(descriptor, 1, off_t(offset), off_t(count))) }
        } catch .system(let failure) where [.notSupported, .noFunction].contains(failure.code) {
            return
        } catch .outOfSpace(let failure, _, _) {
            throw .outOfSpace(failure, needed: count, free: freeSpace)
        }
    }

    /// Gives back the space of a range that holds nothing. Where the file system cannot, it stays taken until the file
    /// goes.
    func release(_ count: Int64, from offset: Int64) throws(StorageError) {
        guard count > 0, let fallocate = GNUCalls.fallocate else { return }
        do {
            try systemCall("give back space of", path) { Int(fallocate(descriptor, 3, off_t(offset), off_t(count))) }
        } catch .system(let failure) where [.notSupported, .noFunction].contains(failure.code) {
            return
        }
    }

    /// Asks the kernel to begin writing a range out, so that the sync at the end has little left to wait for. A hint:
    /// what fails here, the sync reports.
    func startWriting(_ count: Int64, from offset: Int64) {
        _ = GNUCalls.syncFileRange?(descriptor, off_t(offset), off_t(count), 2)
    }

    /// Asks the kernel to forget what it keeps of the file in memory, so that the next read comes from the medium. A
    /// hint: pages that are being written or are in use elsewhere stay.
    func dropCache() { _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) }

    /// Bytes that a process without privileges may still write; `nil` when the file system does not say.
    var freeSpace: Int64? {
        var status = statvfs()
        guard fstatvfs(descriptor, &status) == 0 else { return nil }
        let (bytes, overflow) = Int64(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int64(clamping: status.f_frsize))
        return overflow ? nil : bytes
    }
}

/// Calls of Linux that Swift does not see, for Glibc declares them under `_GNU_SOURCE` only. Two of them make things
/// faster or failures earlier, so a C library without them is no failure.
private enum GNUCalls {
    typealias Fallocate = @convention(c) (Int32, Int32, off_t, off_t) -> Int32
    typealias Dup3 = @convention(c) (Int32, Int32, Int32) -> Int32
    typealias SyncFileRange = @convention(c) (Int32, off_t, off_t, UInt32) -> Int32

    // INVARIANT (unsafeBitCast): the types are those of fallocate(2), dup3(2) and sync_file_range(2) where `off_t` has
    // 64 bits, as on every system Swift runs on; the C library is never unloaded.
    static let fallocate = symbol("fallocate").map { unsafeBitCast($0, to: Fallocate.self) }
    static let dup3 = symbol("dup3").map { unsafeBitCast($0, to: Dup3.self) }
    static let syncFileRange = symbol("sync_file_range").map { unsafeBitCast($0, to: SyncFileRange.self) }

    private static func symbol(_ name: String) -> UnsafeMutableRawPointer? { dlsym(dlopen(nil, RTLD_NOW), name) }
}
