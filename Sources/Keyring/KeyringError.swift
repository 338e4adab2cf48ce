public import OCI

/// Why a login that is kept cannot be had. Names the file or the program, and never what is in it.
public enum KeyringError: Fault, Equatable {
    /// A file with a secret that cannot be used. Carries its path, and what is wrong with the remedy.
    case file(String, reason: String)
    /// A credential helper that gave none. Carries its program's name, and why.
    case helper(String, reason: String)

    public var kind: FaultKind {
        switch self {
        case .file: .invalidInput
        case .helper: .unavailable(retryAfter: nil)
        }
    }

    public var description: String {
        switch self {
        case .file(let path, let reason): "\(path) \(reason)"
        case .helper(let program, let reason): "\(program) \(reason)"
        }
    }
}
