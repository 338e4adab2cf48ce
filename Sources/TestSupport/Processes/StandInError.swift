public import OCI

/// What goes wrong in the stand-ins and process helpers. A test that sees one has a broken set-up, not a finding.
public enum StandInError: Fault {
    /// A file or directory could not be used: what was tried, its path and `errno`.
    case file(String, path: String, errno: Int32)
    /// A command could not be started, or it failed: its name and what it said.
    case process(String, reason: String)
    /// Something awaited did not come. Names it.
    case timedOut(String)
    /// Compression or decompression failed: the library and its code.
    case compression(String, code: Int)
    /// A generated image or a layout cannot be made or read as asked.
    case invalid(String)

    public var kind: FaultKind {
        switch self {
        case .timedOut: .timedOut
        case .invalid: .invalidInput
        case .file, .process, .compression: .internalFailure
        }
    }

    public var description: String {
        switch self {
        case .file(let action, let path, let code): "cannot \(action) \(path): errno \(code)"
        case .process(let name, let reason): "\(name): \(reason)"
        case .timedOut(let what): "gave up waiting for \(what)"
        case .compression(let library, let code): "\(library) failed with code \(code)"
        case .invalid(let reason): reason
        }
    }
}
