/// What keeps the server from listening, or a handler from a body.
public enum ServingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another process answers at that Unix socket.
    case socketInUse(path: String)
    /// Something that is not a socket has that path; it is left alone.
    case notASocket(path: String)
    /// No such group.
    case unknownGroup(String)
    /// Not an address that can be listened on; carries what was given.
    case invalidAddress(String)
    /// The system refused. Carries the address and its reason.
    case cannotListen(address: String, reason: String)
    /// An inherited descriptor is not a listening socket.
    case notListening(descriptor: Int32)
    /// A listening socket broke while serving.
    case listenerLost(address: String)
    /// A body is longer than the handler takes, in bytes.
    case bodyTooLarge(limit: Int)
    /// The framing of a body breaks RFC 9112.
    case malformedBody(String)
    /// Two tasks read one body.
    case bodyHasOneReader
    /// A certificate, its key or the client authorities cannot be used.
    case unusableIdentity(certificate: String, reason: String)
    /// A file that is being sent has fewer bytes than it had.
    case shortFile
    /// A stream declared another `Content-Length` than it wrote, in bytes.
    case wrongLength(declared: Int64, written: Int64)

    public var description: String {
        switch self {
        case .socketInUse(let path): "another process already listens at \(path); stop it or choose another socket"
        case .notASocket(let path): "\(path) exists and is not a socket; remove it or choose another path"
        case .unknownGroup(let name): "there is no group \(name) on this machine; create it or choose another group"
        case .invalidAddress(let text):
            "cannot listen at \(text): not an IP address and port, or a socket path of at most 107 bytes"
        case .cannotListen(let address, let reason): "cannot listen at \(address): \(reason)"
        case .notListening(let descriptor): "inherited descriptor \(descriptor) is not a listening socket"
        case .listenerLost(let address): "the listening socket at \(address) failed"
        case .bodyTooLarge(let limit): "the request's body is longer than \(limit) bytes"
        case .malformedBody(let reason): "the request's body is malformed: \(reason)"
        case .bodyHasOneReader: "a request's body was read by two tasks at once"
        case .unusableIdentity(let certificate, let reason):
            "the certificate \(certificate), its key or its client authorities cannot be used: \(reason)"
        case .shortFile: "a file is shorter than the part of it that was to be sent"
        case .wrongLength(let declared, let written):
            "a response of \(declared) bytes was declared and \(written) written"
        }
    }
}
