internal import Archives
internal import OCI
internal import Serving

/// `GET /images/get?names=…` and `GET /images/{name}/get`.
///
/// What can fail before the first byte is an HTTP error. After it the connection is cut, without the tar's end mark:
/// where dockerd appends its error to the tar, the docker command takes the half for a success.
extension EngineRoutes {
    func imageSave(_ call: Call, named: Bool) async throws -> Reply {
        let names = named ? [call.name] : call.query.filter { $0.name == "names" && !$0.value.isEmpty }.map(\.value)
        let plan = try await context.saver.plan(names, platform: try call.platform(since: .v1(48)))
        return .archive { [saver = context.saver] writer in
            try await saver.write(plan) { try await writer.write($0) }
        }
    }
}
