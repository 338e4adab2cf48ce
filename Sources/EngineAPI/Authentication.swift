internal import OCI
internal import Registry
internal import Serving

/// `POST /auth`: whether a credential is right at its registry. Nothing is kept of it: docker's clients keep it
/// themselves and send it along with each pull.
extension EngineRoutes {
    /// A password, or a cloud's token, and names.
    private static let maximumBody = 128 << 10

    func authentication(_ call: Call) async throws -> Reply {
        let type = call.headers.first("Content-Type") ?? ""
        let essence = type.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
        guard essence == "application/json" else { throw EngineError.notJSON(type) }
        let body: JSON
        do { body = try JSON(parsing: try await call.body.collect(limit: Self.maximumBody)) } catch let error
            as OCIError
        {
            throw EngineError.malformedBody(Self.place(of: error))
        }
        func text(_ key: String) -> String { body[key]?.string ?? "" }
        let credential: Credential =
            if !text("identitytoken").isEmpty {
                .identityToken(text("identitytoken"))
            } else if !text("username").isEmpty {
                .basic(username: text("username"), password: text("password"))
            } else { .anonymous }
        do {
            let token = try await context.registry.logIn(to: text("serveraddress"), with: credential)
            return .json(["IdentityToken": .string(token ?? ""), "Status": "Login Succeeded"])
        } catch let error as LoginError {
            // The one place for a 401: at `login` the docker command prints it and ends.
            guard case .refused = error.reason else { throw error }
            return .message(401, error.description)
        }
    }

    /// Where, but not what: the body holds a password.
    private static func place(of error: OCIError) -> String {
        if case .invalidJSON(let offset, _) = error { "at byte \(offset)" } else { "" }
    }
}
