internal import OCI
internal import Pulling
internal import Serving

extension ServerResponse {
    /// A JSON document of our own.
    static func json(_ status: Int, _ body: JSON, type: String = "application/json") -> ServerResponse {
        var response = ServerResponse(status: status, body: .bytes(body.serialized()))
        response.headers.add("Content-Type", type)
        response.addCommonHeaders()
        return response
    }

    /// What a request that failed is told.
    init(failure error: any Error) {
        let fault = error as? any Fault
        let kind = fault?.kind ?? (error is CancellationError ? .cancelled : .internalFailure)
        let status = (fault as? MirrorError) == .readOnly ? 405 : httpStatus(of: kind)
        let code = (fault as? any CodedFault)?.code ?? code(of: kind)
        let entry: JSON = ["code": .string(code), "message": .string(sentence(for: error))]
        self = .json(status, ["errors": [entry]])
        if status == 405 { headers.set("Allow", "GET, HEAD") }
    }

    mutating func addCommonHeaders() {
        headers.add("Docker-Distribution-Api-Version", "registry/2.0")
        headers.add("X-Content-Type-Options", "nosniff")
    }
}

/// A failure that knows the distribution specification's word for itself.
protocol CodedFault: Fault {
    var code: String { get }
}

/// The one place where kinds become status codes.
///
/// Never 401: clients answer it with the credentials they have for the registry, in the clear (dockerd). Never 429:
/// podman waits half a minute after one and containerd asks five times more at once. After 404 and 5xx all of them turn
/// to the next host, with their own credentials.
func httpStatus(of kind: FaultKind) -> Int {
    switch kind {
    case .invalidInput: 400
    case .forbidden: 403
    case .notFound, .unauthenticated: 404
    case .alreadyExists: 409
    case .unsupported: 501
    case .integrity: 502
    case .rateLimited, .outOfSpace, .timedOut, .unavailable: 503
    case .cancelled, .internalFailure: 500
    }
}

/// The specification's codes, where there is nothing more exact to say.
private func code(of kind: FaultKind) -> String {
    switch kind {
    case .notFound: "MANIFEST_UNKNOWN"
    case .unauthenticated, .forbidden: "DENIED"
    case .unsupported: "UNSUPPORTED"
    case .integrity: "MANIFEST_INVALID"
    case .invalidInput: "NAME_INVALID"
    case .alreadyExists, .rateLimited, .outOfSpace, .timedOut, .unavailable, .cancelled, .internalFailure:
        "UNAVAILABLE"
    }
}
