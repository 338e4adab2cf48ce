internal import Keyring
public import OCI
internal import Transport

/// Checks credentials where they are for.
public protocol Authenticator: Sendable {
    /// Shows `credential` to the registry that `server` means: a host, docker's key for Docker Hub, or nothing, which
    /// is Docker Hub too. Nothing is kept of it.
    /// - Returns: the refresh token that the registry's token server gives out in place of the password, if it does.
    /// - Throws: a ``LoginError``, or `CancellationError`.
    func logIn(to server: String, with credential: Credential) async throws -> String?
}

/// Why a login was refused, in dockerd's words: the docker command shows them.
public struct LoginError: Fault, Equatable {
    public enum Reason: Sendable, Equatable {
        /// What was given is no registry.
        case noRegistry(String)
        /// The registry's token server does not take the credential. Carries what it said.
        case refused(String)
        /// The registry does not let in whoever shows the credential.
        case failed(status: Int)
        /// The registry could not be asked. Carries the sentence.
        case unreachable(String, FaultKind)
    }

    /// The address that was asked.
    public var address: String
    public var reason: Reason

    /// Joins an address and what went wrong there.
    public init(address: String, reason: Reason) {
        self.address = address
        self.reason = reason
    }

    public var kind: FaultKind {
        switch reason {
        case .noRegistry: .invalidInput
        case .refused: .unauthenticated
        case .failed: .internalFailure
        case .unreachable(_, let kind): kind
        }
    }

    public var description: String {
        switch reason {
        case .noRegistry(let server): "unable to parse server address: \"\(server)\" is no registry's host name"
        case .refused(let detail): "Get \"\(address)\": unauthorized: \(detail)"
        case .failed(let status):
            "login attempt to \(address) failed with status: \(status) \(LoginError.phrase(status))"
        case .unreachable(let sentence, _): "Get \"\(address)\": \(sentence)"
        }
    }

    private static func phrase(_ status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        default: ""
        }
    }
}

extension RegistryClient: Authenticator {
    public func logIn(to server: String, with credential: Credential) async throws -> String? {
        let registry = LoginServer.registry(of: server)
        guard let repository = try? Repository(parsing: registry + "/a/b"), repository.domain == registry else {
            throw LoginError(address: server, reason: .noRegistry(String(server.prefix(256))))
        }
        let subject = Subject(.tags, in: repository)
        var failure = LoginError(address: server, reason: .failed(status: 0))
        do {
            for upstream in try hosts.upstreams(of: registry, credential: credential, mirrors: false) {
                let address = upstream.address(of: "").description
                do { return try await session.logIn(at: upstream) } catch let reason as RegistryError.Reason {
                    failure = LoginError(address: address, reason: LoginError.Reason(reason, subject))
                    guard upstream.givesWay(to: reason) else { break }
                }
            }
        } catch let reason as RegistryError.Reason {
            failure = LoginError(address: registry, reason: LoginError.Reason(reason, subject))
        }
        throw failure
    }
}

extension RegistryClient {
    public func showsCredential(to registry: String) async -> Bool {
        do {
            for upstream in try hosts.upstreams(of: registry, credential: nil, mirrors: true) {
                if upstream.options.clientCertificate != nil { return true }
                if await withKept(upstream).credential != .anonymous { return true }
            }
            return false
        } catch {
            // A registry that may not be asked is shown nothing.
            return false
        }
    }
}

extension LoginError.Reason {
    init(_ reason: RegistryError.Reason, _ subject: Subject) {
        switch reason {
        case .credentialsRefused(_, let detail), .denied(let detail): self = .refused(detail)
        case .refused(let status, _, _): self = .failed(status: status)
        default:
            self = .unreachable(RegistryError(subject, host: subject.repository.domain, reason).failure, reason.kind)
        }
    }
}

extension Session {
    /// Asks the registry's root as itself, shows what it wants to see, and asks again.
    /// - Returns: a refresh token, if one was given out.
    func logIn(at upstream: Upstream) async throws -> String? {
        let root = Question(address: upstream.address(of: ""), total: Wire.documentTime)
        let first = try await follow(root, nil, upstream, into: HeadOnly())
        if first.isContent { return nil }
        guard let (grant, refresh) = try await authorizer.logIn(first.head, upstream) else {
            throw overload(first, upstream)
        }
        let second = try await follow(root, grant, upstream, into: HeadOnly())
        guard second.isContent else { throw overload(second, upstream) }
        return refresh
    }

    private func overload(_ answer: Answer, _ upstream: Upstream) -> RegistryError.Reason {
        let refusal = Refusal(answer.text, secrets: upstream.credential.secrets)
        switch answer.head.status {
        case 408, 429, 500...599:
            return Judgement.overload(answer.head, refusal, now: now(), allowance: nil, by: answer.host)
        case let status: return .refused(status: status, by: answer.host, detail: refusal.text ?? "without a reason")
        }
    }
}

extension Authorizer {
    /// What to show at the root after its challenge; `nil` without one.
    func logIn(_ head: HTTPResponseHead, _ upstream: Upstream) async throws -> (Grant, refresh: String?)? {
        switch try Authorizer.way(in: head, upstream, scopes: []) {
        case nil: return nil
        case .basic:
            guard case .basic(let username, let password) = upstream.credential else {
                throw RegistryError.Reason.noCredentials
            }
            return (Grant(kind: .credential, header: basicAuthorization(username, password), isFresh: true), nil)
        case .bearer(let realm, let service, let scopes, let isInside):
            let key = TokenSource.Key(
                registry: upstream.base.origin, realm: realm, service: service, scopes: scopes,
                credential: upstream.credential)
            let (token, refresh) = try await tokens.logIn(key, options: upstream.within(isInside).options)
            return (Grant(kind: .token(token, key), header: "Bearer " + token, isFresh: true), refresh)
        }
    }
}
