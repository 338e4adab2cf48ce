internal import OCI
public import Registry

/// How one registry does, as `status` and `/metrics` tell it.
public struct RegistryReport: Sendable {
    /// As in references: `docker.io`.
    public var name: String
    /// Requests are made to it; a breaker that is open says no for a while.
    public var healthy: Bool
    /// Why it is not, or what it last failed of.
    public var lastError: String?
    /// What it last said of how much may still be fetched.
    public var allowance: Allowance?
    /// The same for each account, and until when it is not asked for manifests.
    public var accounts: [AllowanceReport] = []

    public init(name: String, healthy: Bool = true, lastError: String? = nil, allowance: Allowance? = nil) {
        self.name = name
        self.healthy = healthy
        self.lastError = lastError
        self.allowance = allowance
    }

    var json: JSON {
        var members: [JSON.Member] = [
            .init("name", .string(name)), .init("healthy", .bool(healthy)),
            .init("lastError", lastError.map { .string($0) } ?? .null),
        ]
        members.append(.init("rateLimit", Self.json(allowance)))
        let accounts = accounts.map { report -> JSON in
            [
                "account": report.account.map { .string($0) } ?? .null, "rateLimit": Self.json(report.allowance),
                "tryAgainAt": report.coolingUntil.map { .string($0.description) } ?? .null,
            ]
        }
        members.append(.init("accounts", .array(accounts)))
        return .object(members)
    }

    private static func json(_ allowance: Allowance?) -> JSON {
        guard let allowance else { return .null }
        func integer(_ value: Int?) -> JSON { value.map { .integer(Int64($0)) } ?? .null }
        return [
            "limit": integer(allowance.limit), "remaining": integer(allowance.remaining),
            "windowSeconds": allowance.window.map { .integer($0.components.seconds) } ?? .null,
            "source": allowance.source.map { .string($0) } ?? .null,
            "recorded": .string(allowance.recorded.description),
        ]
    }
}
