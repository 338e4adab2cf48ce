internal import Coordination
internal import OCI
internal import Transport

/// One question to one place: shows what the place wants to see, follows where it sends, and says what the answer
/// means.
struct Session: Sendable {
    /// A question below `/v2/`.
    struct Question: Sendable {
        var method: HTTPMethod = .get
        var address: WebAddress
        var headers = HTTPHeaders()
        /// The time for the whole answer; blobs have none.
        var total: Duration?
        /// Remembers where it is redirected to, for the questions that follow.
        var route: BlobRoute?
        /// Whether the content may be at another site. Blobs are; a list is the registry's own word.
        var mayBeElsewhere = true
    }

    private let wire: Wire
    let authorizer: Authorizer
    let allowances: Allowances
    private let timeline: Timeline
    let now: @Sendable () -> Timestamp

    init(http: any HTTPClient, timeline: Timeline, now: @escaping @Sendable () -> Timestamp) {
        wire = Wire(http: http)
        self.now = now
        self.timeline = timeline
        allowances = Allowances(timeline: timeline, now: now)
        authorizer = Authorizer(tokens: TokenSource(wire: wire, timeline: timeline, now: now))
    }

    /// The answer to `question`, if it brings content; `nil` when its status is one of `tolerated`.
    /// - Throws: ``RegistryError/Reason`` for every other answer; what the taker threw; `CancellationError`.
    @discardableResult
    func ask(
        _ question: Question, about subject: Subject, at upstream: Upstream, into taker: any AnswerTaker,
        tolerating tolerated: (Int) -> Bool = { _ in false }
    ) async throws -> Answer? {
        try checkRefusals(question, subject, upstream)
        var visit = Authorizer.Visit()
        var grant = try await authorizer.grant(for: upstream, subject.repository, &visit)
        while true {
            let answer = try await follow(question, grant, upstream, into: taker)
            note(answer, subject, upstream)
            if answer.isContent { return answer }
            let next = try await authorizer.grant(
                after: answer, to: grant, for: upstream, subject.repository, &visit,
                ping: { try await ping(upstream) })
            guard let next else {
                if tolerated(answer.head.status) { return nil }
                throw reason(of: answer, subject, upstream, grant, visit)
            }
            grant = next
        }
    }

    private func reason(
        of answer: Answer, _ subject: Subject, _ upstream: Upstream, _ grant: Grant?, _ visit: Authorizer.Visit
    ) -> RegistryError.Reason {
        let reason = Judgement.reason(
            of: answer, for: subject, grant: grant, secrets: upstream.credential.secrets + (grant?.secrets ?? []),
            allowance: allowances.allowance(of: subject.repository.domain, upstream.credential), now: now())
        // What stood in the way was the credential; that nobody gets in without one is no news.
        if case .denied = reason, let refusal = visit.refusal { return refusal }
        guard upstream.role != .mirror, !answer.isElsewhere else { return reason }
        return allowances.refused(reason, of: subject.repository.domain, upstream.credential)
    }

    /// What was refused for a time is not asked for before it is over. HEAD is free at Docker Hub, and tells when there
    /// is something left again.
    private func checkRefusals(_ question: Question, _ subject: Subject, _ upstream: Upstream) throws {
        guard upstream.role != .mirror else { return }
        let standing = allowances.standing(
            of: subject.repository.domain, upstream.credential,
            forManifest: subject.isManifest && question.method == .get)
        if let standing { throw standing }
    }

    private func note(_ answer: Answer, _ subject: Subject, _ upstream: Upstream) {
        guard upstream.role != .mirror, !answer.isElsewhere,
            let allowance = Allowance(answer.head.headers, now: now())
        else { return }
        allowances.record(allowance, of: subject.repository.domain, upstream.credential)
    }

    /// Asks where an earlier question was sent to. What does not give the content there is asked anew from the place
    /// itself.
    private func shortcut(
        _ question: Question, _ upstream: Upstream, into taker: any AnswerTaker
    ) async throws -> Answer? {
        guard let route = question.route, let known = route.target(of: question.address, at: timeline.elapsed()) else {
            return nil
        }
        var request = HTTPRequest(
            method: question.method, url: known.address.description, headers: question.headers,
            options: upstream.options)
        if let validator = known.validator { request.headers.set("If-Range", validator) }
        request.options.clientCertificate = nil
        request.options.clientKey = nil
        request.options.allowInside = known.isInside
        do {
            let reply = try await wire.send(request, into: taker)
            if reply.isContent {
                return Answer(
                    head: reply.head, text: reply.text, host: known.address.authority, isElsewhere: true,
                    isContent: true)
            }
        } catch {
            route.forget(question.address)
            throw error
        }
        route.forget(question.address)
        return nil
    }

    /// Asks and follows. A question begins at the place itself, for where it sent an earlier one may have expired;
    /// parts of one blob remember where, for as long as that is good.
    func follow(
        _ question: Question, _ grant: Grant?, _ upstream: Upstream, into taker: any AnswerTaker
    ) async throws -> Answer {
        if let answer = try await shortcut(question, upstream, into: taker) { return answer }
        var address = question.address
        var request = HTTPRequest(
            method: question.method, url: "", headers: question.headers, options: upstream.options)
        request.options.total = request.options.total ?? question.total
        if let grant { request.headers.set("Authorization", grant.header) }
        var isElsewhere = false
        // A registry outside, by whatever name, sends nobody to what only this machine can reach.
        var isInside = InternetHost(upstream.base.origin.host).isInside
        for _ in 0...RedirectRule.maximumCount {
            request.url = address.description
            let reply = try await wire.send(request, into: taker)
            if !isElsewhere { isInside = isInside || reply.head.isFromInside }
            guard let location = RedirectRule.location(in: reply.head) else {
                if reply.isContent, isElsewhere {
                    question.route?.learn(
                        question.address, at: address, isInside: isInside, reply.head, moment: timeline.elapsed(),
                        now: now().seconds)
                }
                return Answer(
                    head: reply.head, text: reply.text, host: address.authority, isElsewhere: isElsewhere,
                    isContent: reply.isContent)
            }
            let target = try RedirectRule.target(
                location, from: address, registry: upstream.base, mayLeave: question.mayBeElsewhere)
            if target.origin != address.origin {
                // Whoever is there gets nothing that proves who we are, and neither does who comes after.
                isElsewhere = true
                request.headers.remove("Authorization")
                request.options.clientCertificate = nil
                request.options.clientKey = nil
                request.options.allowInside = isInside
            }
            address = target
        }
        throw RegistryError.Reason.unsafeRedirect("more than \(RedirectRule.maximumCount) times")
    }

    /// The head of the registry's root, asked without showing anything. Its status does not matter: what counts is
    /// whether it brings a challenge.
    private func ping(_ upstream: Upstream) async throws -> HTTPResponseHead {
        var request = HTTPRequest(url: upstream.address(of: "").description, options: upstream.options)
        request.options.total = request.options.total ?? Wire.documentTime
        return try await wire.send(request, into: HeadOnly()).head
    }
}
