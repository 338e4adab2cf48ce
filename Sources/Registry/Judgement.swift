internal import OCI
internal import Transport

/// What an answer that brings no content means.
enum Judgement {
    /// Docker's words where a registry has none.
    static let denied = "denied: requested access to the resource is denied"

    /// - Parameters:
    ///   - grant: what the request showed.
    ///   - secrets: what must not be repeated.
    static func reason(
        of answer: Answer, for subject: Subject, grant: Grant?, secrets: [String], allowance: Allowance?, now: Timestamp
    ) -> RegistryError.Reason {
        let refusal = Refusal(answer.text, secrets: secrets)
        let status = answer.head.status
        switch status {
        case 408, 429, 500...599: return overload(answer.head, refusal, now: now, allowance: allowance, by: answer.host)
        case 400...499 where answer.isElsewhere: return .redirectRefused(status: status, by: answer.host)
        case 401 where grant?.isCredential == true:
            return .credentialsRefused(by: answer.host, detail: refusal.text ?? "unauthorized: authentication required")
        case 401, 403: return .denied(detail(of: answer, refusal))
        case 404 where refusal.isOne(of: "DENIED", "UNAUTHORIZED"): return .denied(refusal.text ?? denied)
        case 404: return missing(subject, refusal)
        default: return .refused(status: status, by: answer.host, detail: refusal.text ?? "without a reason")
        }
    }

    /// Answers that may be others in a while.
    static func overload(
        _ head: HTTPResponseHead, _ refusal: Refusal, now: Timestamp, allowance: Allowance?, by host: String
    ) -> RegistryError.Reason {
        let said = QuotaText(refusal.message ?? "")
        let after = RetryAfter.wait(in: head.headers, now: now) ?? said.retryAfter
        switch head.status {
        case 429:
            let isSpent = allowance?.remaining == 0 || refusal.message?.contains("pull rate limit") == true
            return .rateLimited(detail: tooMany(refusal), retryAfter: after, isSpent: isSpent)
        case 501, 505:
            return .refused(status: head.status, by: host, detail: refusal.text ?? "without a reason")
        default:
            return .unavailable(
                status: head.status, by: host, detail: refusal.text ?? "without a reason", retryAfter: after)
        }
    }

    private static func tooMany(_ refusal: Refusal) -> String {
        let word = "toomanyrequests"
        let message = refusal.message ?? "too many requests"
        return message.lowercased().hasPrefix(word) ? message : "\(word): \(message)"
    }

    /// A token that does not reach is told in the challenge; docker shows that as a denial.
    private static func detail(of answer: Answer, _ refusal: Refusal) -> String {
        let challenges = Challenge.parse(answer.head.headers.all("WWW-Authenticate"))
        let falls = challenges.contains { $0.parameters["error"] == "insufficient_scope" }
        return falls ? denied : refusal.text ?? denied
    }

    private static func missing(_ subject: Subject, _ refusal: Refusal) -> RegistryError.Reason {
        if refusal.isOne(of: "NAME_UNKNOWN") || subject.isTags {
            return .notFound(.repository, detail: refusal.text ?? "name unknown: repository name not known to registry")
        }
        let code = subject.isManifest ? "manifest unknown" : "blob unknown"
        return .notFound(subject.isManifest ? .manifest : .blob, detail: refusal.text ?? "\(code): \(code)")
    }
}
