internal import Coordination
internal import FoundationEssentials
internal import OCI
internal import Transport

/// Tokens by what they are good for. However many ask for one at a time, it is fetched once.
///
/// Source: distribution `auth/token.md` and `auth/oauth.md`.
final class TokenSource: Sendable {
    /// Everything that makes two tokens different. The credential is part of it: what one caller may have, another may
    /// not.
    struct Key: Hashable, Sendable {
        let registry: WebAddress.Origin
        let realm: WebAddress
        let service: String?
        let scopes: [String]
        let credential: Credential
    }

    private struct Entry {
        let outcome: Result<String, RegistryError.Reason>
        let end: Duration
    }

    /// Token servers answer below 10 KiB; containers/image reads as much.
    private static let maximumBody = 1 << 20
    /// What still fits a request's head at any registry.
    private static let maximumToken = 32 << 10
    /// Tokens kept: one for each repository and caller of an hour. Beyond it all are forgotten, and asked for anew.
    private static let maximumCount = 1000
    /// The specification's default, and the least any client believes: with less, every layer would ask for its own.
    private static let shortest: Int64 = 60
    /// The most that is believed: what was granted may have been withdrawn since.
    private static let longest: Int64 = 3600
    /// How long a refused credential is not shown again: many refusals lock accounts.
    private static let refusalTime: Duration = .seconds(60)

    private let wire: Wire
    private let timeline: Timeline
    private let now: @Sendable () -> Timestamp
    private let flights = SingleFlight<Key, String>()
    private let entries = Locked<[Key: Entry]>([:])

    init(wire: Wire, timeline: Timeline, now: @escaping @Sendable () -> Timestamp) {
        self.wire = wire
        self.timeline = timeline
        self.now = now
    }

    /// A token for `key` that is not `stale`, from the cache or from the server.
    /// - Returns: the token, and whether it is newer than the request that needs it.
    func token(
        for key: Key, not stale: String?, options: ConnectionOptions
    ) async throws -> (token: String, isFresh: Bool) {
        if let token = try cached(key, not: stale) { return (token, stale != nil) }
        let token = try await flights.run(key) { [self] in
            if let token = try cached(key, not: stale) { return token }
            return try await fetch(key, options: options)
        }
        return (token, true)
    }

    private func cached(_ key: Key, not stale: String?) throws -> String? {
        let now = timeline.elapsed()
        let entry = entries.withLock { $0[key] }
        guard let entry, now < entry.end else { return nil }
        let token = try entry.outcome.get()
        return token == stale ? nil : token
    }

    private func keep(_ outcome: Result<String, RegistryError.Reason>, for key: Key, lifetime: Duration) {
        let now = timeline.elapsed()
        entries.withLock { entries in
            if entries.count >= TokenSource.maximumCount { entries = entries.filter { $0.value.end > now } }
            if entries.count >= TokenSource.maximumCount { entries = [:] }
            entries[key] = Entry(outcome: outcome, end: now + lifetime)
        }
    }

    private func fetch(_ key: Key, options: ConnectionOptions) async throws -> String {
        let request = TokenSource.request(for: key, options: options)
        let asked = timeline.elapsed()
        let body = DocumentBody(limit: TokenSource.maximumBody)
        let reply = try await wire.send(request, into: body)
        guard reply.isContent else {
            let reason = refusal(reply.head, reply.text, key)
            if case .credentialsRefused = reason {
                keep(.failure(reason), for: key, lifetime: TokenSource.refusalTime)
            }
            throw reason
        }
        let (token, seconds, _) = try TokenSource.read(body.bytes, from: key.realm.authority)
        // Its time is counted from when it was asked for, by our own clock: `issued_at` is another machine's. What
        // remains at nine tenths is margin for the request it goes with.
        let lifetime: Duration = .seconds(min(max(seconds, TokenSource.shortest), TokenSource.longest)) * 9 / 10
        keep(.success(token), for: key, lifetime: lifetime - (timeline.elapsed() - asked))
        return token
    }

    /// A token, and a refresh token if the server gives one out, got anew: somebody asks whether the credential
    /// is right. If it is, earlier refusals of it are forgotten.
    func logIn(_ key: Key, options: ConnectionOptions) async throws -> (token: String, refresh: String?) {
        let request = TokenSource.request(for: key, options: options, offline: true)
        let body = DocumentBody(limit: TokenSource.maximumBody)
        let reply = try await wire.send(request, into: body)
        guard reply.isContent else { throw refusal(reply.head, reply.text, key) }
        let (token, _, refresh) = try TokenSource.read(body.bytes, from: key.realm.authority)
        entries.withLock { entries in
            entries = entries.filter { entry in
                guard case .failure = entry.value.outcome else { return true }
                return entry.key.credential != key.credential
            }
        }
        return (token, refresh)
    }

    private static func request(for key: Key, options: ConnectionOptions, offline: Bool = false) -> HTTPRequest {
        var request = HTTPRequest(url: key.realm.description, options: options)
        request.options.total = options.total ?? Wire.documentTime
        if key.realm.origin.host != key.registry.host {
            request.options.clientCertificate = nil
            request.options.clientKey = nil
        }
        let service = key.service.map { [("service", $0)] } ?? []
        if case .identityToken(let secret) = key.credential {
            let scope = key.scopes.isEmpty ? [] : [("scope", key.scopes.joined(separator: " "))]
            let form = [("grant_type", "refresh_token"), ("client_id", "layerd")] + service + scope
            request.method = .post
            request.headers.set("Content-Type", "application/x-www-form-urlencoded")
            request.body = Array(encoded(form + [("refresh_token", secret)]).utf8)
            return request
        }
        var query = service + key.scopes.map { ("scope", $0) }
        if case .basic(let username, let password) = key.credential {
            query.append(("account", username))
            if offline { query += [("client_id", "layerd"), ("offline_token", "true")] }
            request.headers.set("Authorization", basicAuthorization(username, password))
        }
        if !query.isEmpty { request.url = key.realm.adding(query: encoded(query)).description }
        return request
    }

    private static func encoded(_ fields: [(String, String)]) -> String {
        fields.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
    }

    private static func read(
        _ body: [UInt8], from host: String
    ) throws -> (token: String, seconds: Int64, refresh: String?) {
        let json: JSON
        do { json = try JSON(parsing: body) } catch {
            throw RegistryError.Reason.noToken(from: host, error.description)
        }
        let token = [json["token"], json["access_token"]].compactMap { $0?.string }.first { !$0.isEmpty }
        guard let token else { throw RegistryError.Reason.noToken(from: host, "its answer holds none") }
        guard isSendable(token), token.utf8.count <= maximumToken else {
            throw RegistryError.Reason.noToken(from: host, "it is too long or holds characters that no header may")
        }
        let refresh = json["refresh_token"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        return (token, json["expires_in"]?.integer ?? shortest, refresh)
    }

    private func refusal(_ head: HTTPResponseHead, _ text: [UInt8], _ key: Key) -> RegistryError.Reason {
        let host = key.realm.authority
        let refusal = Refusal(text, secrets: key.credential.secrets)
        switch head.status {
        case 300...399: return .noToken(from: host, "it redirects, which may not be followed with credentials")
        case 401, 403:
            let said = refusal.text
            if key.credential == .anonymous || refusal.isOne(of: "DENIED") {
                return .denied(said ?? Judgement.denied)
            }
            return .credentialsRefused(by: host, detail: said ?? "unauthorized: authentication required")
        case 429, 408, 500...599: return Judgement.overload(head, refusal, now: now(), allowance: nil, by: host)
        default: return .noToken(from: host, "it answered \(head.status): \(refusal.text ?? "without a reason")")
        }
    }
}

/// A word of visible ASCII, which is all that an `Authorization` may carry.
func isSendable(_ token: String) -> Bool { !token.isEmpty && token.utf8.allSatisfy { 0x21..<0x7F ~= $0 } }

func basicAuthorization(_ username: String, _ password: String) -> String {
    "Basic " + Data("\(username):\(password)".utf8).base64EncodedString()
}
