// Registry: asks registries, as their protocol wants to be asked: resolves names, brings content by digest, proves who
// asks, follows where it may, and tries again what trying again can mend. What content means, and where it is kept, is
// decided in other rooms; nothing here touches a disk.

internal import Coordination
internal import Hashing
public import OCI
public import Transport

/// The registries of the configuration, and their mirrors, as one resolver and fetcher.
///
/// Source: OCI distribution-spec v1.1.1; distribution `auth/token.md`.
public final class RegistryClient: Resolver, Fetcher {
    let session: Session
    private let settings: Locked<(hosts: HostList, retry: RetryPolicy)>
    var hosts: HostList { settings.withLock { $0.hosts } }
    private var retry: RetryPolicy {
        let retry = settings.withLock { $0.retry }
        return isHurried ? retry.hurried : retry
    }
    private let isHurried: Bool
    private let timeline: Timeline
    private let credentials: CredentialStore
    private let breakers: Breakers
    private let now: @Sendable () -> Timestamp

    /// Makes a client.
    /// - Parameters:
    ///   - http: makes the requests.
    ///   - hosts: the registries that have a section of their own.
    ///   - anyRegistry: others are used too, at `https://HOST`.
    ///   - credentials: what is kept for callers that bring none.
    ///   - retry: when a failed request is made again.
    ///   - clock: measures tokens' lives and waits.
    ///   - now: the time of day, for `Retry-After` and what is recorded.
    public init(
        http: any HTTPClient, hosts: [RegistryHost], anyRegistry: Bool,
        credentials: CredentialStore = CredentialStore(), retry: RetryPolicy = RetryPolicy(),
        clock: any Clock<Duration> = ContinuousClock(), now: (@Sendable () -> Timestamp)? = nil
    ) {
        timeline = Timeline(clock)
        self.now = now ?? wallClock
        breakers = Breakers(timeline: timeline)
        session = Session(http: http, timeline: timeline, now: now ?? wallClock)
        settings = Locked((HostList(hosts, anyRegistry: anyRegistry), retry))
        self.credentials = credentials
        isHurried = false
    }

    private init(hurrying client: RegistryClient) {
        (session, settings, timeline) = (client.session, client.settings, client.timeline)
        (credentials, breakers, now) = (client.credentials, client.breakers, client.now)
        isHurried = true
    }

    /// The same client, knowing what this one knows, for somebody who has another place to ask: what trying again at
    /// once does not mend is told at once, and nothing is waited for because a registry says so.
    public var hurried: RegistryClient { RegistryClient(hurrying: self) }

    /// Asks other registries, or the same ones differently, from now on; what is under way goes on as it began.
    public func use(hosts: [RegistryHost], anyRegistry: Bool, retry: RetryPolicy) {
        settings.withLock { $0 = (HostList(hosts, anyRegistry: anyRegistry), retry) }
    }

    /// What `registry` last said of how much may still be fetched from it; `nil` when it never said anything.
    public func allowance(of registry: String) -> Allowance? { session.allowances.newest(of: registry) }

    /// What every registry last said to every account of how much may still be fetched, and which of them are waited
    /// for. Without a request; for status and metrics.
    public func allowances() -> [AllowanceReport] { session.allowances.reports() }

    /// How `registry` does: whether it is asked at all, and what it failed of last, if it has not answered since.
    public func health(of registry: String) -> (isAsked: Bool, failure: String?) {
        guard let host = try? hosts.host(named: registry), let base = WebAddress(host.endpoint) else {
            return (true, nil)
        }
        let (isOpen, reason) = breakers.health(of: base.authority)
        return (!isOpen, reason.map { RegistryError.summary(of: $0, at: base.authority) })
    }

    public func admit(_ purpose: FetchPurpose, to repository: Repository, credential: Credential?) async throws {
        guard purpose == .warm else { return }
        let subject = Subject(.tags, in: repository)
        do {
            let host = try hosts.host(named: repository.domain)
            // Without a credential it is that of whoever asked last: who is kept is found out by asking.
            let allowance =
                credential.map { session.allowances.allowance(of: host.name, $0) }
                ?? session.allowances.newest(of: host.name)
            guard let left = allowance?.remaining, left <= host.reserve else { return }
            throw RegistryError.Reason.reserved(left: left, reserve: host.reserve)
        } catch let reason as RegistryError.Reason {
            throw RegistryError(subject, host: repository.domain, reason)
        }
    }

    public func resolve(_ reference: Reference, credential: Credential?) async throws -> Resolution {
        let reference = reference.forPull
        let subject = Subject(reference)
        return try await asking(about: subject, credential) { upstream in
            if reference.digest == nil, let resolution = try await resolveByHead(subject, at: upstream) {
                return resolution
            }
            return try await resolveByGet(subject, reference.digest, at: upstream)
        }
    }

    public func document(
        _ descriptor: Descriptor, in repository: Repository, limit: Int, credential: Credential?
    ) async throws -> [UInt8] {
        let subject = Subject(.content(descriptor), in: repository)
        guard descriptor.size <= limit else {
            let reason = "it has \(descriptor.size) bytes, more than the \(limit) that such a document may have"
            throw RegistryError(subject, host: repository.domain, .mismatch(reason))
        }
        return try await asking(about: subject, credential) { upstream in
            let body = DocumentBody(limit: limit, size: descriptor.size)
            try await session.ask(question(about: subject, at: upstream), about: subject, at: upstream, into: body)
            let bytes = body.bytes
            guard Int64(bytes.count) == descriptor.size else {
                throw RegistryError.Reason.incomplete(Int64(bytes.count), of: descriptor.size)
            }
            try check(bytes, descriptor.digest)
            return bytes
        }
    }

    public func blob(
        _ descriptor: Descriptor, in repository: Repository, credential: Credential?, into receiver: any BlobReceiver
    ) async throws {
        let subject = Subject(.content(descriptor), in: repository)
        if receiver.offset > descriptor.size { try receiver.restart() }
        if receiver.offset == descriptor.size { return }
        let watch = RetryWatch(
            reached: { receiver.offset }, retrying: { receiver.retrying(after: $0, attempt: $1) })
        try await asking(about: subject, credential, watch: watch) { upstream in
            do { try await pour(descriptor, subject, at: upstream, into: receiver) } catch is RangeUnusable {
                try receiver.restart()
                try await pour(descriptor, subject, at: upstream, into: receiver)
            }
        }
    }

    /// Asks place after place, each as often as it may be, until one has the answer.
    func asking<Result>(
        about subject: Subject, _ credential: Credential?, mirrors: Bool = true, watch: RetryWatch = RetryWatch(),
        _ body: (Upstream) async throws -> Result
    ) async throws -> Result {
        var failure = (host: subject.repository.domain, reason: RegistryError.Reason.notConfigured)
        do {
            let hosts = hosts
            let retry = retry
            let upstreams = try hosts.upstreams(
                of: subject.repository.domain, credential: credential, mirrors: mirrors)
            for bare in upstreams {
                let upstream = await withKept(bare)
                let limit = upstream.role == .mirror ? 1 : retry.attempts
                do {
                    let result = try await retry.run(
                        limit: limit, final: { upstream.role == .probe && upstream.givesWay(to: $0) },
                        timeline: timeline, watch: watch, gate: gate(to: upstream)
                    ) { try await body(upstream) }
                    hosts.worked(upstream)
                    return result
                } catch let reason as RegistryError.Reason {
                    failure = (upstream.base.authority, judged(reason, at: upstream))
                    guard upstream.givesWay(to: reason) else { break }
                }
            }
        } catch let reason as RegistryError.Reason {
            failure.reason = reason
        }
        throw RegistryError(subject, host: failure.host, failure.reason, now: now())
    }

    private func gate(to upstream: Upstream) -> RetryGate {
        // Whether a place speaks https at all is found out by failing.
        guard upstream.role != .probe else { return RetryGate() }
        return RetryGate(
            pause: { self.breakers.pause(upstream) }, failed: { self.breakers.failed(upstream, $0) },
            worked: { self.breakers.worked(upstream) }, waits: upstream.role != .mirror && !isHurried)
    }

    /// The upstream with what is kept for it.
    func withKept(_ upstream: Upstream) async -> Upstream {
        guard let keeper = upstream.keeper else { return upstream }
        let found = await credentials.find(for: keeper.registry, keeper.kept)
        var upstream = upstream
        upstream.credential = found.credential
        upstream.trouble = found.trouble
        return upstream
    }

    /// A refusal for want of a credential is put down to the one that could not be read.
    private func judged(_ reason: RegistryError.Reason, at upstream: Upstream) -> RegistryError.Reason {
        guard reason.kind == .unauthenticated, let keeper = upstream.keeper else { return reason }
        credentials.refused(keeper.registry)
        return upstream.trouble.map(RegistryError.Reason.credentialsUnusable) ?? reason
    }

    func question(about subject: Subject, at upstream: Upstream) -> Session.Question {
        var question = Session.Question(address: upstream.address(of: subject.path))
        guard subject.isManifest else { return question }
        question.headers.set("Accept", RegistryClient.accepted)
        question.total = Wire.documentTime
        return question
    }

    func check(_ bytes: [UInt8], _ digest: Digest) throws {
        guard digest.matches(bytes) else {
            throw RegistryError.Reason.mismatch("the \(bytes.count) bytes it sent are not those of \(digest)")
        }
    }

    /// All in one field: some registries and proxies look at one line only. Schema 1 is never asked for; Hub converts
    /// images into it for whoever does not name the others.
    private static let accepted = [MediaType.ociIndex, .ociManifest, .dockerList, .dockerManifest]
        .map(\.text).joined(separator: ", ")

    /// One request for the bytes from where the receiver is.
    private func pour(
        _ descriptor: Descriptor, _ subject: Subject, at upstream: Upstream, into receiver: any BlobReceiver
    ) async throws {
        let offset = receiver.offset
        if offset == descriptor.size { return }
        let body = BlobBody(descriptor, from: offset, into: receiver, checked: upstream.role == .mirror)
        var question = question(about: subject, at: upstream)
        if offset > 0 { question.headers.set("Range", "bytes=\(offset)-") }
        try await session.ask(question, about: subject, at: upstream, into: body)
        guard receiver.offset == descriptor.size else {
            throw RegistryError.Reason.incomplete(receiver.offset, of: descriptor.size)
        }
        // A mirror's wrong bytes must not be the end: found out here, the next place can still give the right ones.
        guard let digest = body.digest, digest != descriptor.digest else { return }
        try receiver.restart()
        throw RegistryError.Reason.mismatch(
            "the \(descriptor.size) bytes it sent are not those of \(descriptor.digest)")
    }
}
