internal import OCI
internal import Pulling
internal import Serving

/// `GET /events`.
extension EngineRoutes {
    /// What happened since `since`, if that or `until` is given, and then what happens, until `until` or for ever.
    func eventStream(_ call: Call) throws -> Reply {
        let span = try EventSpan(call, now: context.now())
        let filter = EventFilter(try Filters(parsing: call["filters"]))
        let (log, now) = (context.events, context.now)
        return .stream { writer in
            let (history, events) = log.subscribe()
            let write = { @Sendable (event: ImageEvent) async throws in
                guard span.contains(event.time), filter.passes(event) else { return }
                try await writer.write(event.wire.serialized() + [UInt8(ascii: "\n")])
            }
            if span.wantsHistory { for event in history { try await write(event) } }
            try await ending(after: span.remaining(now())) {
                for try await event in events { try await write(event) }
                try Task.checkCancellation()
            }
        }
    }

    /// Runs `body` until it ends, or for that long; `nil` is for ever.
    private func ending(
        after duration: Duration?, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        guard let duration else { return try await body() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask { try await Task.sleep(for: duration) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

/// The time that a client wants to hear of.
struct EventSpan: Sendable {
    var since: Timestamp?
    var until: Timestamp?

    /// - Throws: ``EngineError``: a time that is none, or a span that ends before it begins.
    init(_ call: Call, now: Timestamp) throws(EngineError) {
        since = try EventSpan.time(call["since"], now)
        until = try EventSpan.time(call["until"], now)
        if let since, let until, until < since {
            throw .reversedSpan(since: call["since"] ?? "", until: call["until"] ?? "")
        }
    }

    /// Zero is as good as nothing to dockerd.
    private static func time(_ text: String?, _ now: Timestamp) throws(EngineError) -> Timestamp? {
        guard let text, !text.isEmpty, text != "0" else { return nil }
        return try filterTime(text, now: now)
    }

    var wantsHistory: Bool { since != nil || until != nil }

    func contains(_ moment: Timestamp) -> Bool {
        (since.map { moment >= $0 } ?? true) && (until.map { moment <= $0 } ?? true)
    }

    /// How long to listen; zero when it is over.
    func remaining(_ now: Timestamp) -> Duration? {
        guard let until else { return nil }
        guard until > now else { return .zero }
        let seconds = until.seconds.subtractingReportingOverflow(now.seconds)
        // Further off than any process lives: as good as for ever.
        guard !seconds.overflow, seconds.partialValue < 1 << 32 else { return nil }
        return .seconds(seconds.partialValue) + .nanoseconds(Int64(until.nanoseconds) - Int64(now.nanoseconds))
    }
}

/// The filters of `/events`: all keys must agree, one value of each is enough. Keys that dockerd does not know pass.
struct EventFilter: Sendable {
    private let filters: Filters

    init(_ filters: Filters) { self.filters = filters }

    func passes(_ event: ImageEvent) -> Bool {
        let words = event.words
        let names = [words.id, words.attributes["name"] ?? ""]
        return agrees("type", ["image"]) && agrees("event", [words.action]) && agrees("scope", ["local"])
            && agrees("image", names + names.map(EventFilter.withoutTag)) && matchesLabels(words.attributes)
            && ["container", "volume", "network", "plugin", "daemon", "node", "service", "secret", "config"]
                .allSatisfy { begins($0, names) }
    }

    private func agrees(_ key: String, _ texts: [String]) -> Bool {
        let wanted = filters[key]
        return wanted.isEmpty || wanted.contains(where: texts.contains)
    }

    private func begins(_ key: String, _ texts: [String]) -> Bool {
        let wanted = filters[key]
        return wanted.isEmpty || wanted.contains { prefix in texts.contains { $0.hasPrefix(prefix) } }
    }

    /// Every label that is asked for, as `key` or `key=value`.
    private func matchesLabels(_ attributes: [String: String]) -> Bool {
        filters["label"].allSatisfy { wanted in
            let parts = wanted.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let value = attributes[String(parts[0])] else { return false }
            return parts.count == 1 || value == parts[1]
        }
    }

    private static func withoutTag(_ text: String) -> String {
        do { return try Reference(parsing: text).repository.familiar } catch { return text }
    }
}

extension ImageEvent {
    /// As dockerd says it.
    var words: (action: String, id: String, attributes: [String: String]) {
        switch happening {
        case .pulled(let reference, let labels):
            ("pull", reference.familiar, named(reference.repository.familiar, labels))
        case .tagged(let id, let reference, let labels): ("tag", id.description, named(reference.familiar, labels))
        case .untagged(let id, let reference, let labels): ("untag", id.description, named(reference.familiar, labels))
        case .deleted(let id): ("delete", id.description, named(id.description, [:]))
        case .loaded(let id, let labels): ("load", id.description, named(id.description, labels))
        case .saved(let id, let labels): ("save", id.description, named(id.description, labels))
        case .mismatched(let id, let problem):
            ("mismatch", id.description, ["name": id.description, "problem": problem])
        case .pruned(let bytes): ("prune", "", ["reclaimed": String(bytes)])
        }
    }

    private func named(_ name: String, _ labels: [String: String]) -> [String: String] {
        labels.merging(["name": name]) { $1 }
    }

    /// One object of the stream. Nanoseconds since 1970 fit for 292 years.
    var wire: JSON {
        let words = words
        let attributes = words.attributes.map { JSON.Member($0.key, .string($0.value)) }
        let nanoseconds = time.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return .fields([
            "status": .string(words.action),
            "id": JSON.string(words.id).when(!words.id.isEmpty),
            "Type": "image", "Action": .string(words.action),
            "Actor": ["ID": .string(words.id), "Attributes": JSON.object(attributes).sortedByKey],
            "scope": "local", "time": .integer(time.seconds),
            "timeNano": .integer(
                nanoseconds.overflow ? .max : nanoseconds.partialValue &+ Int64(time.nanoseconds)),
        ])
    }
}
