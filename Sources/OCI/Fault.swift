// OCI: the values and rules of the specifications. Nothing here does I/O, waits, reads a clock or imports a package, so
// every rule can be tested as a table.

/// What went wrong, in the few kinds that decide what happens next: which status a client sees, and whether trying
/// again can help.
public enum FaultKind: Sendable, Equatable {
    /// The thing asked for does not exist, here or at the registry.
    case notFound
    /// The thing exists already and may not be made again.
    case alreadyExists
    /// What the caller sent cannot be understood or is not allowed.
    case invalidInput
    /// The registry wants credentials, or refused those it got.
    case unauthenticated
    /// Understood and refused, whoever asks.
    case forbidden
    /// Bytes are not what their digest, length or specification says.
    case integrity
    /// The disk, its inodes or a quota are full.
    case outOfSpace
    /// An answer did not come in time.
    case timedOut
    /// The other side is down or overloaded; it may have said when to come back.
    case unavailable(retryAfter: Duration?)
    /// The registry's allowance is used up; it may have said until when.
    case rateLimited(retryAfter: Duration?)
    /// layerd does not do this, by design.
    case unsupported
    /// Whoever wanted the result has left.
    case cancelled
    /// A bug of ours or a failure of the machine.
    case internalFailure
}

/// The one protocol of errors that cross from room to room.
///
/// `description` is one sentence for a person: what failed, with the digest, file or host concerned, and the remedy
/// where there is one. It never holds a secret or a query string.
public protocol Fault: Error, Sendable, CustomStringConvertible {
    /// Decides what happens next.
    var kind: FaultKind { get }
    /// What brought it about, if that was an error itself.
    var cause: (any Error)? { get }
}

extension Fault {
    public var cause: (any Error)? { nil }
}

/// What a client is told of an error, as one sentence. An error that is no ``Fault`` is a bug of ours; its text was not
/// written for strangers and may hold secrets, so its type alone is told.
public func sentence(for error: any Error) -> String {
    switch error {
    case let fault as any Fault: fault.description
    case is CancellationError: "the request was cancelled"
    default: "layerd failed unexpectedly (\(type(of: error))): a bug, which we would like to hear of"
    }
}

extension FaultKind {
    /// The kind's name, on the wire and in figures.
    public var word: String {
        switch self {
        case .notFound: "notFound"
        case .alreadyExists: "alreadyExists"
        case .invalidInput: "invalidInput"
        case .unauthenticated: "unauthenticated"
        case .forbidden: "forbidden"
        case .integrity: "integrity"
        case .outOfSpace: "outOfSpace"
        case .timedOut: "timedOut"
        case .unavailable: "unavailable"
        case .rateLimited: "rateLimited"
        case .unsupported: "unsupported"
        case .cancelled: "cancelled"
        case .internalFailure: "internal"
        }
    }
}
