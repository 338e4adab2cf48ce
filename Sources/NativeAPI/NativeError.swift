internal import OCI

/// What this room itself refuses.
enum NativeError: Fault, Equatable {
    case unknownRoute
    /// A parameter of the query is missing.
    case missingParameter(String)
    /// A parameter that may come once came more often.
    case repeatedParameter(String)

    var kind: FaultKind {
        switch self {
        case .unknownRoute: .notFound
        case .missingParameter, .repeatedParameter: .invalidInput
        }
    }

    var description: String {
        switch self {
        case .unknownRoute: "page not found"
        case .missingParameter(let name): "the request needs \(name)= in its query"
        case .repeatedParameter(let name): "the request has more than one \(name)= in its query"
        }
    }
}

/// The one place where kinds become status codes and the words of the wire.
extension FaultKind {
    /// Never 401: nobody is asked to log in to this socket.
    var status: Int {
        switch self {
        case .invalidInput: 400
        case .unauthenticated, .forbidden: 403
        case .notFound: 404
        case .alreadyExists: 409
        case .rateLimited: 429
        case .internalFailure: 500
        case .unsupported: 501
        case .integrity: 502
        case .unavailable, .cancelled: 503
        case .timedOut: 504
        case .outOfSpace: 507
        }
    }

    /// `kind` of an error.
    var word: String {
        switch self {
        case .invalidInput: "invalidInput"
        case .unauthenticated: "unauthenticated"
        case .forbidden: "forbidden"
        case .notFound: "notFound"
        case .alreadyExists: "alreadyExists"
        case .rateLimited: "rateLimited"
        case .internalFailure: "internal"
        case .unsupported: "unsupported"
        case .integrity: "integrity"
        case .unavailable: "unavailable"
        case .cancelled: "cancelled"
        case .timedOut: "timedOut"
        case .outOfSpace: "outOfSpace"
        }
    }

    /// When to try again, if the other side said so.
    var retryAfter: Duration? {
        switch self {
        case .rateLimited(let pause), .unavailable(let pause): pause
        default: nil
        }
    }
}

/// An error as clients are told of it.
struct ErrorReport: Equatable {
    let kind: FaultKind
    let message: String

    /// Errors that are no ``Fault`` are bugs of ours, and their text was not written for strangers.
    init(_ error: any Error) {
        switch error {
        case let fault as any Fault:
            kind = fault.kind
            message = fault.description
        case is CancellationError:
            kind = .cancelled
            message = "the request was cancelled"
        default:
            kind = .internalFailure
            message = "layerd failed unexpectedly (\(type(of: error))): its log says more"
        }
    }
}
