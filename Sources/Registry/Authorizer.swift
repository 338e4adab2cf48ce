internal import Coordination
internal import OCI
internal import Transport

/// What a request shows to be let in. Never shown in any text.
struct Grant: Sendable, CustomStringConvertible, CustomReflectable {
    enum Kind: Sendable {
        /// The caller's credential itself.
        case credential
        /// A token got with it.
        case token(String, TokenSource.Key)
    }

    let kind: Kind
    /// The value of `Authorization`.
    let header: String
    /// Got after the registry asked for it.
    let isFresh: Bool

    var isCredential: Bool { if case .credential = kind { true } else { false } }
    var secrets: [String] { header.split(separator: " ").dropFirst().map(String.init) }
    var description: String { "a grant" }
    var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

/// Finds out what a registry wants to see, and gets it.
final class Authorizer: Sendable {
    /// What was tried for one request, so that every way is tried once.
    struct Visit {
        fileprivate var mints = 0
        fileprivate var hasPinged = false
        /// Why the configured credential was passed over for nobody's.
        fileprivate(set) var refusal: RegistryError.Reason?
    }

    enum Way {
        case basic
        /// - Parameter isInside: the realm may be in this machine's own network.
        case bearer(realm: WebAddress, service: String?, scopes: [String], isInside: Bool)
    }

    private struct Place: Hashable {
        let base: WebAddress
        let path: String
        let credential: Credential
    }

    /// Tokens of one request: the second for a scope that the first lacked.
    private static let maximumMints = 2
    /// Places remembered; beyond it all are forgotten, and asked anew.
    private static let maximumPlaces = 1000

    let tokens: TokenSource
    private let ways = Locked<[Place: Way]>([:])

    init(tokens: TokenSource) { self.tokens = tokens }

    /// What the registry wanted to see when it was last asked for this repository.
    func grant(for upstream: Upstream, _ repository: Repository, _ visit: inout Visit) async throws -> Grant? {
        if case .registryToken(let token) = upstream.credential {
            guard isSendable(token) else {
                throw RegistryError.Reason.credentialsRefused(
                    by: "layerd", detail: "the registry token holds characters that no header may")
            }
            return Grant(kind: .credential, header: "Bearer " + token, isFresh: true)
        }
        let place = Authorizer.place(upstream, repository)
        guard let way = ways.withLock({ $0[place] }) else { return nil }
        return try await take(way, used: nil, upstream, repository, &visit)
    }

    /// What to show after `answer`, if anything is left to try.
    /// - Parameter ping: asks the registry's root for its challenge, for registries that send none elsewhere.
    func grant(
        after answer: Answer, to used: Grant?, for upstream: Upstream, _ repository: Repository, _ visit: inout Visit,
        ping: () async throws -> HTTPResponseHead
    ) async throws -> Grant? {
        if case .registryToken = upstream.credential { return nil }
        guard !answer.isElsewhere, Authorizer.asks(answer.head.status, used) else { return nil }
        let place = Authorizer.place(upstream, repository)
        let scopes = [Scope.pull(repository.path)]
        var way = try Authorizer.way(in: answer.head, upstream, scopes: scopes) ?? ways.withLock { $0[place] }
        if way == nil, used == nil, !visit.hasPinged {
            visit.hasPinged = true
            way = try await Authorizer.way(in: ping(), upstream, scopes: scopes)
        }
        guard let way else { return nil }
        return try await take(way, used: used, upstream, repository, &visit)
    }

    /// 403 and 400 are some registries' words for a token that has expired (ECR Public), and for none at all.
    private static func asks(_ status: Int, _ used: Grant?) -> Bool {
        let isOldToken = used.map { !$0.isCredential && !$0.isFresh } ?? false
        switch status {
        case 401: return true
        case 403: return used == nil || isOldToken
        case 400: return isOldToken
        default: return false
        }
    }

    private static func place(_ upstream: Upstream, _ repository: Repository) -> Place {
        Place(base: upstream.base, path: repository.path, credential: upstream.credential)
    }

    /// - Parameter scopes: what to ask for where the challenge names nothing.
    static func way(in head: HTTPResponseHead, _ upstream: Upstream, scopes: [String]) throws -> Way? {
        let challenges = Challenge.parse(head.headers.all("WWW-Authenticate"))
        if let bearer = challenges.first(where: { $0.scheme == "bearer" && $0.parameters["realm"] != nil }) {
            guard let realm = WebAddress(bearer.parameters["realm"] ?? "") else {
                throw RegistryError.Reason.noToken(
                    from: upstream.base.authority, "its challenge names no http or https URL to get one from")
            }
            guard RealmRule.allows(realm, for: upstream.base, configured: upstream.tokenRealms) else {
                throw RegistryError.Reason.untrustedRealm(
                    "\(realm.origin.isSecure ? "https" : "http")://\(realm.authority)")
            }
            let named = Scope.list(bearer.parameters["scope"])
            let service = bearer.parameters["service"].flatMap { $0.isEmpty ? nil : $0 }
            // A name of the registry's domain may still lead inside, where only we can ask.
            let isOwn = realm.origin.host == upstream.base.origin.host
            let isNamed = upstream.tokenRealms.contains { WebAddress($0)?.origin == realm.origin }
            return .bearer(
                realm: realm, service: service, scopes: named.isEmpty ? scopes : named,
                isInside: isOwn || isNamed || head.isFromInside)
        }
        return challenges.contains { $0.scheme == "basic" } ? .basic : nil
    }

    private func take(
        _ way: Way, used: Grant?, _ upstream: Upstream, _ repository: Repository, _ visit: inout Visit
    ) async throws -> Grant? {
        switch way {
        case .basic:
            guard case .basic(let username, let password) = upstream.credential else {
                throw RegistryError.Reason.noCredentials
            }
            if used != nil { return nil }
            remember(way, upstream, repository)
            return Grant(kind: .credential, header: basicAuthorization(username, password), isFresh: true)
        case .bearer(let realm, let service, var scopes, let isInside):
            var stale: String?
            if case .token(let token, let key)? = used?.kind {
                let wider = Scope.cleaned(scopes + key.scopes)
                if used?.isFresh == true && wider == key.scopes { return nil }
                scopes = wider
                stale = token
            }
            guard visit.mints < Authorizer.maximumMints else { return nil }
            visit.mints += 1
            remember(
                .bearer(realm: realm, service: service, scopes: scopes, isInside: isInside), upstream, repository)
            let demand = { (credential: Credential) in
                TokenSource.Key(
                    registry: upstream.base.origin, realm: realm, service: service, scopes: scopes,
                    credential: credential)
            }
            return try await mint(demand, not: stale, upstream.within(isInside), &visit)
        }
    }

    /// A configured credential that is refused must not keep anybody from public images: then nobody's is tried.
    private func mint(
        _ demand: (Credential) -> TokenSource.Key, not stale: String?, _ upstream: Upstream, _ visit: inout Visit
    ) async throws -> Grant {
        do {
            return try await mint(demand(upstream.credential), not: stale, upstream)
        } catch let reason as RegistryError.Reason {
            guard reason.kind == .unauthenticated, upstream.isConfigured, upstream.credential != .anonymous else {
                throw reason
            }
            visit.refusal = reason
            do { return try await mint(demand(.anonymous), not: stale, upstream) } catch is RegistryError.Reason {
                throw reason
            }
        }
    }

    private func mint(_ key: TokenSource.Key, not stale: String?, _ upstream: Upstream) async throws -> Grant {
        let (token, isFresh) = try await tokens.token(for: key, not: stale, options: upstream.options)
        return Grant(kind: .token(token, key), header: "Bearer " + token, isFresh: isFresh)
    }

    private func remember(_ way: Way, _ upstream: Upstream, _ repository: Repository) {
        ways.withLock { ways in
            if ways.count >= Authorizer.maximumPlaces { ways = [:] }
            ways[Authorizer.place(upstream, repository)] = way
        }
    }
}
