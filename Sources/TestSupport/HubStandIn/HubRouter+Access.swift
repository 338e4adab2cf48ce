internal import NIOHTTP1
internal import OCI

// Who may what: challenges, and the token server.
extension HubRouter {
    enum Access {
        case granted(account: String?)
        case refused(Answer)
    }

    func authenticate(_ request: HubRequest) -> Access {
        switch options.authentication {
        case .open: return decide(nil, request)
        case .basic:
            guard let account = account(request) else { return .refused(basicChallenge()) }
            return decide(account, request)
        case .bearer: break
        }
        guard let (scheme, value) = request.authorization else { return .refused(challenge(request, nil)) }
        guard scheme == "bearer", let token = tokens.token(value, now: now) else {
            return .refused(challenge(request, "invalid_token"))
        }
        guard let repository = request.repository else { return .granted(account: token.account) }
        // Hub says the same of a repository that does not exist and of one that is somebody else's.
        guard token.repositories.contains(repository) else {
            return .refused(challenge(request, "insufficient_scope"))
        }
        return .granted(account: token.account)
    }

    private func decide(_ account: String?, _ request: HubRequest) -> Access {
        guard let repository = request.repository, !content.allows(account, repository) else {
            return .granted(account: account)
        }
        return .refused(
            .error(
                404, "NAME_UNKNOWN", "repository name not known to registry", detail: ["name": .string(repository)],
                registryHeaders))
    }

    private func challenge(_ request: HubRequest, _ error: String?) -> Answer {
        var text = "Bearer realm=\"\(url(options.names.auth, "/token"))\",service=\"registry.docker.io\""
        var detail = JSON.null
        if let repository = request.repository {
            text += ",scope=\"repository:\(repository):pull\""
            detail = [["Type": "repository", "Class": "", "Name": .string(repository), "Action": "pull"]]
        }
        if let error { text += ",error=\"\(error)\"" }
        return .error(
            401, "UNAUTHORIZED", "authentication required", detail: detail,
            registryHeaders + [("WWW-Authenticate", text)])
    }

    private func basicChallenge() -> Answer {
        let header = ("WWW-Authenticate", "Basic realm=\"\(url(options.names.registry))\",service=\"stand-in\"")
        return .error(401, "UNAUTHORIZED", "authentication required", registryHeaders + [header])
    }

    /// The account whose Basic credentials a request has.
    private func account(_ request: HubRequest) -> String? {
        guard let (user, password) = request.basicCredentials, options.accounts[user] == password else { return nil }
        return user
    }

    func tokenAnswer(_ request: HubRequest) -> Answer {
        switch request.method {
        case "GET": tokenForQuery(request)
        case "POST": tokenForForm(HubRequest.form(String(decoding: request.body, as: UTF8.self)))
        default: Answer(405, text: "")
        }
    }

    private func tokenForQuery(_ request: HubRequest) -> Answer {
        let account = account(request)
        if request.authorization != nil && account == nil { return wrongPassword }
        let scopes = request.query.filter { $0.name == "scope" }.map(\.value)
        let wantsIdentity = request.query.contains { $0.name == "offline_token" && $0.value == "true" }
        return grant(scopes, to: account, identity: wantsIdentity)
    }

    /// Source: distribution `auth/oauth.md`.
    private func tokenForForm(_ form: [(name: String, value: String)]) -> Answer {
        let value = { (name: String) in form.first { $0.name == name }?.value }
        var account: String?
        switch value("grant_type") {
        case "password":
            if let user = value("username"), options.accounts[user] == value("password") { account = user }
        case "refresh_token": account = value("refresh_token").flatMap(tokens.account(ofIdentity:))
        default: return Answer(400, json: ["details": "grant_type is missing or unknown"])
        }
        guard let account else { return wrongPassword }
        return grant([value("scope") ?? ""], to: account, identity: value("access_type") == "offline")
    }

    private var wrongPassword: Answer { Answer(401, json: ["details": "incorrect username or password"]) }

    /// Grants what was asked and is allowed: the repositories that exist and that the account may read.
    private func grant(_ scopes: [String], to account: String?, identity: Bool) -> Answer {
        let lifetime = options.tokenLifetime.components.seconds
        let asked = scopes.flatMap { $0.split(separator: " ") }.compactMap(Self.pullScope)
        let repositories = Set(asked.filter { content.allows(account, $0) })
        let token = tokens.issue(
            HubTokens.Token(repositories: repositories, account: account, expires: now + lifetime))
        let style = options.tokenStyle
        var members: [JSON.Member] = []
        if style.token { members.append(JSON.Member("token", .string(token))) }
        if style.accessToken { members.append(JSON.Member("access_token", .string(token))) }
        if style.expiresIn { members.append(JSON.Member("expires_in", .integer(lifetime))) }
        if style.issuedAt {
            members.append(JSON.Member("issued_at", .string(Timestamp(seconds: now).description)))
        }
        if identity, let account {
            members.append(JSON.Member("refresh_token", .string(tokens.issueIdentity(of: account))))
        }
        return Answer(200, json: .object(members))
    }

    /// The repository of a scope that asks to pull. A name may hold colons, so the ends are cut off it.
    private static func pullScope(_ scope: Substring) -> String? {
        let parts = scope.split(separator: ":")
        guard parts.count >= 3, parts.first == "repository" else { return nil }
        let actions = parts[parts.count - 1].split(separator: ",")
        return actions.contains { $0 == "pull" || $0 == "*" }
            ? parts[1..<(parts.count - 1)].joined(separator: ":") : nil
    }
}
