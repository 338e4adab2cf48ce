internal import OCI
internal import Serving

/// Answers of the shapes that all routes share.
enum Reply {
    static func text(_ text: String, status: Int = 200) -> ServerResponse {
        ServerResponse(
            status: status, headers: ServerHeaders([("Content-Type", "text/plain; charset=utf-8")]),
            body: .bytes(Array(text.utf8)))
    }

    static func json(_ status: Int, _ json: JSON) -> ServerResponse {
        ServerResponse(
            status: status, headers: ServerHeaders([("Content-Type", "application/json")]), body: .bytes(line(json)))
    }

    static func failure(_ error: any Error) -> ServerResponse {
        let report = ErrorReport(error)
        var response = json(
            report.kind.status, ["message": .string(report.message), "kind": .string(report.kind.word)])
        if let pause = report.kind.retryAfter { response.headers.set("Retry-After", String(wholeSeconds(pause))) }
        return response
    }

    static func methodNotAllowed(_ methods: [String]) -> ServerResponse {
        let allowed = methods.joined(separator: ", ")
        var response = json(405, ["message": .string("this path is for \(allowed)"), "kind": "unsupported"])
        response.headers.set("Allow", allowed)
        return response
    }

    /// One JSON text and a line end.
    static func line(_ json: JSON) -> [UInt8] { json.serialized() + [UInt8(ascii: "\n")] }
}

/// A duration in seconds, rounded up, at least 1: "in 0 seconds" would be no pause.
func wholeSeconds(_ duration: Duration) -> Int64 {
    let (seconds, fraction) = duration.components
    return max(1, fraction > 0 && seconds < .max ? seconds + 1 : seconds)
}
