public import OCI

/// Why an answer did not come, or may not be used. Sentences name host and port, never a path, a query or credentials.
public enum TransportError: Fault, Equatable {
    /// The request itself cannot be sent.
    case invalidRequest(reason: String)
    /// A file or setting for the connection cannot be used.
    case misconfigured(host: String, reason: String)
    /// No connection came about.
    case unreachable(host: String, reason: String)
    /// The other side is not who it should be.
    case untrusted(host: String, reason: String)
    /// The answer did not come in time.
    case timedOut(host: String, reason: String)
    /// The connection broke.
    case interrupted(host: String, reason: String)
    /// The answer contradicts itself, HTTP or our limits; a body that ended early is one.
    case brokenReply(host: String, reason: String)
    /// The body is longer than the caller allows, in bytes.
    case bodyTooLarge(host: String, limit: Int)
    /// The client was shut down.
    case shutDown
    /// libcurl failed in a way that says nothing about the other side.
    case internalFailure(reason: String)

    public var kind: FaultKind {
        switch self {
        case .invalidRequest, .misconfigured: .invalidInput
        case .unreachable, .interrupted: .unavailable(retryAfter: nil)
        case .untrusted: .forbidden
        case .timedOut: .timedOut
        case .brokenReply, .bodyTooLarge: .integrity
        case .shutDown: .cancelled
        case .internalFailure: .internalFailure
        }
    }

    public var description: String {
        switch self {
        case .invalidRequest(let reason): "the request cannot be sent: \(reason)"
        case .misconfigured(let host, let reason): "cannot connect to \(host): \(reason)"
        case .unreachable(let host, let reason): "cannot reach \(host): \(reason)"
        case .untrusted(let host, let reason): "cannot trust \(host): \(reason)"
        case .timedOut(let host, let reason): "\(host) did not answer in time: \(reason)"
        case .interrupted(let host, let reason): "the connection to \(host) broke: \(reason)"
        case .brokenReply(let host, let reason): "the answer of \(host) is broken: \(reason)"
        case .bodyTooLarge(let host, let limit): "the answer of \(host) is longer than the \(limit) bytes allowed"
        case .shutDown: "the HTTP client has been shut down"
        case .internalFailure(let reason): "the HTTP client failed: \(reason)"
        }
    }
}
