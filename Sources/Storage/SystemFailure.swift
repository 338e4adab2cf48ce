internal import OCI
public import SystemPackage

/// A call to the system that failed: what it was to do, where, and why not.
public struct SystemFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was tried, as in "cannot … PATH".
    public let action: String
    /// The file or directory concerned.
    public let path: FilePath
    /// Why, in the system's terms.
    public let code: Errno

    init(_ action: String, _ path: FilePath, _ code: Errno) {
        self.action = action
        self.path = path
        self.code = code
    }

    /// Space, inodes or a limit on either are used up.
    var isOutOfSpace: Bool {
        [.noSpace, .diskQuotaExceeded, .fileTooLarge].contains(code)
    }

    var kind: FaultKind {
        if isOutOfSpace { return .outOfSpace }
        return isLackOfHandles ? .unavailable(retryAfter: nil) : .internalFailure
    }

    public var description: String { "cannot \(action) \(path): \(reason)" }

    private var isLackOfHandles: Bool { code == .tooManyOpenFiles || code == .tooManyOpenFilesInSystem }

    private var reason: String {
        switch code {
        case .ioError: "the disk reports an I/O error; look into the kernel's log and check the disk"
        case .readOnlyFileSystem: "the file system is read-only; check the disk and mount it writable again"
        case .tooManyOpenFiles: "layerd has too many files open; raise LimitNOFILE of its service"
        case .tooManyOpenFilesInSystem: "the system has too many files open; raise fs.file-max"
        case .permissionDenied, .notPermitted:
            "permission denied; the state directory and all in it must belong to the user that layerd runs as"
        case .improperLink: "the state directory spans several file systems; it must be on one"
        default: code.description
        }
    }

    func spaceText(needed: Int64?, free: Int64?) -> String {
        let figures = [needed.map { "needs \($0) bytes" }, free.map { "free \($0) bytes" }].compactMap(\.self)
        let suffix = figures.isEmpty ? "" : " (\(figures.joined(separator: ", ")))"
        let reason =
            switch code {
            case .diskQuotaExceeded: "the disk quota is used up"
            case .fileTooLarge: "the file would be longer than the file system or a limit allows"
            default: "no space left on device"
            }
        return "cannot \(action) \(path): \(reason)\(suffix); remove images or enlarge the file system"
    }
}
