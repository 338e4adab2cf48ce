public import OCI
public import Transport

/// Why a registry did not give what it was asked for. One sentence names image, host and cause, in docker's words where
/// docker has any; it never holds a secret or a query.
public struct RegistryError: Fault, Equatable {
    /// What was asked for, in its familiar form: `alpine:3.20`, `alpine@sha256:…`.
    public var image: String
    /// The repository, in its familiar form.
    public var repository: String
    /// The registry as references name it.
    public var registry: String
    /// The host that was asked.
    public var host: String
    /// What went wrong.
    public var reason: Reason
    /// When it is worth trying again, where that is known.
    public var until: Timestamp?

    init(_ subject: Subject, host: String, _ reason: Reason, now: Timestamp? = nil) {
        if let now, let after = reason.retryAfter { until = now.advanced(by: after) }
        image = subject.image
        repository = subject.repository.familiar
        registry = subject.repository.domain
        self.host = host
        self.reason = reason
    }

    /// What can go wrong. Details are what the registry said, made safe to show.
    public enum Reason: Error, Sendable, Equatable {
        /// The registry has no section, and others are not allowed.
        case notConfigured
        /// The registry's section cannot be used.
        case misconfigured(String)
        /// Not for this caller, or not there at all: registries do not tell which.
        case denied(String)
        /// The credential is not accepted by the host named.
        case credentialsRefused(by: String, detail: String)
        /// The registry wants a user name and password, and there is none.
        case noCredentials
        /// The registry wants a credential, and the one that is kept for it cannot be read.
        case credentialsUnusable(String)
        /// A manifest, a blob or a repository that is not there.
        case notFound(NotFound, detail: String)
        /// The allowance is used up; `isSpent` when only a new window helps.
        case rateLimited(detail: String, retryAfter: Duration?, isSpent: Bool)
        /// What is left of the allowance is kept for people.
        case reserved(left: Int, reserve: Int)
        /// The host is down or overloaded.
        case unavailable(status: Int, by: String, detail: String, retryAfter: Duration?)
        /// The place the registry redirected to does not take the request; a fresh redirect may.
        case redirectRefused(status: Int, by: String)
        /// An answer that means no to everybody.
        case refused(status: Int, by: String, detail: String)
        /// No answer, or none that can be used.
        case transport(TransportError)
        /// The registry's token server is not its own: its host.
        case untrustedRealm(String)
        /// A redirect that is not followed: where to.
        case unsafeRedirect(String)
        /// A token server whose answer is no token.
        case noToken(from: String, String)
        /// Content that is not what its digest, length or type says.
        case mismatch(String)
        /// The body ended early, with this many bytes of those expected.
        case incomplete(Int64, of: Int64)
        /// A document that breaks its specification, or is of a kind that layerd does not pull.
        case document(OCIError)
    }

    /// What is not there.
    public enum NotFound: Sendable, Equatable {
        case manifest, blob, repository
    }

    public var kind: FaultKind { reason.kind }

    public var cause: (any Error)? {
        switch reason {
        case .transport(let error): error
        case .document(let error): error
        default: nil
        }
    }
}

extension RegistryError.Reason {
    var kind: FaultKind {
        switch self {
        case .notConfigured, .untrustedRealm, .unsafeRedirect, .refused: .forbidden
        case .misconfigured: .invalidInput
        case .denied, .credentialsRefused, .noCredentials, .credentialsUnusable: .unauthenticated
        case .notFound: .notFound
        case .rateLimited(_, let after, _): .rateLimited(retryAfter: after)
        case .reserved: .rateLimited(retryAfter: nil)
        case .unavailable(_, _, _, let after): .unavailable(retryAfter: after)
        case .redirectRefused, .noToken, .incomplete: .unavailable(retryAfter: nil)
        // A broken reply is a failed delivery; no bytes of it were accepted, so it is no damaged content.
        case .transport(.brokenReply): .unavailable(retryAfter: nil)
        case .transport(let error): error.kind
        case .mismatch: .integrity
        case .document(let error): error.kind
        }
    }
}

extension RegistryError {
    public var description: String {
        switch reason {
        case .denied(let detail):
            "pull access denied for \(repository), repository does not exist or may require 'docker login': \(detail) "
                + "(at \(host))"
        case .notFound(.manifest, let detail): "manifest for \(image) not found: \(detail) (at \(host))"
        case .notFound(.repository, let detail): "repository \(repository) not found: \(detail) (at \(host))"
        case .notFound(.blob, let detail): "\(image) not found at \(host): \(detail)"
        case .rateLimited(let detail, let after, _): "\(detail) (pulling \(image) from \(host)\(advice(after)))"
        default: "cannot pull \(image) from \(host): \(failure)"
        }
    }

    /// What happened, without the image it happened to.
    var failure: String {
        switch reason {
        case .notConfigured:
            "only configured registries may be used; add a section [registry.\"\(registry)\"] to layerd.toml, or set "
                + "any-registry = true in [pull]"
        case .misconfigured(let reason): "\(reason); see [registry.\"\(registry)\"] in layerd.toml"
        case .credentialsRefused(let host, let detail): "\(host) refused the credentials: \(detail)"
        case .noCredentials: "it wants a user name and password: no basic auth credentials"
        case .credentialsUnusable(let trouble):
            "it wants a credential, and the one kept for it cannot be used: \(trouble)"
        case .unavailable(let status, let place, let detail, let after):
            "\(place) answered \(status): \(detail)\(advice(after))"
        case .redirectRefused(let status, let place): "\(place), where it sends for the content, answered \(status)"
        case .refused(let status, let place, let detail): "\(place) answered \(status): \(detail)"
        case .transport(let error): error.description + remedy(for: error)
        case .untrustedRealm(let realm):
            "its token server \(realm) is not of its own domain and gets no credentials; if it may have them, set "
                + "token-realms = [\"\(realm)\"] in [registry.\"\(registry)\"]"
        case .unsafeRedirect(let place): "it redirects \(place)"
        case .noToken(let host, let reason): "the token server \(host) gave no token: \(reason)"
        case .mismatch(let reason): reason
        case .incomplete(let held, let size): "the answer ended after \(held) of \(size) bytes"
        case .document(let error): error.description
        case .reserved(let left, let reserve):
            "\(left) pulls are left of its allowance and \(reserve) are kept for people; see reserve in "
                + "[registry.\"\(registry)\"]"
        case .denied, .notFound, .rateLimited: ""
        }
    }

    /// A failure in a few words, without an image that met it.
    static func summary(of reason: Reason, at host: String) -> String {
        switch reason {
        case .unavailable(let status, let place, let detail, _): "\(place) answered \(status): \(detail)"
        case .transport(let error): error.description
        case .mismatch(let text): text
        default: "\(host) failed"
        }
    }

    private func remedy(for error: TransportError) -> String {
        switch error {
        case .unreachable, .timedOut: "; check the network, or set proxy or mirrors in [registry.\"\(registry)\"]"
        case .untrusted:
            "; see ca and insecure in [registry.\"\(registry)\"]"
        default: ""
        }
    }

    private func advice(_ after: Duration?) -> String {
        guard let after else { return "" }
        let seconds = max(1, after.components.seconds)
        guard seconds >= 120 else { return "; try again in \(seconds) s" }
        let span = "in \((seconds + 59) / 60) min"
        guard let until else { return "; try again \(span)" }
        // To the minute, rounded up.
        let minute = Timestamp(seconds: (until.seconds + 59) / 60 * 60)
        return "; try again at \(minute.description.dropLast(4)) UTC, \(span)"
    }
}
