internal import Catalogue
internal import OCI
internal import Pulling
internal import Serving
internal import Storage
internal import Warming

/// `POST /layerd/v1/warm?name=…`: brings lists, images and what files name, as lines of JSON; `GET` tells how every
/// entry fared. With `plan=1` nothing is brought, and the answer is that of the `plan` route for all of it together.
///
/// A body is an object: `names`, a list of texts, and `files`, a list of objects with `name` and `text`.
extension NativeRoutes {
    /// Files of a client come whole.
    private static let maximumBody = 8 << 20

    func warm(_ request: ServerRequest) async throws -> ServerResponse {
        guard let warmer = context.warmer else { return Self.message(501, "this daemon has no warm lists") }
        let asked = try await Self.asked(request)
        let jobs = try warmer.jobs(names: asked.names, files: asked.files)
        guard request.query.contains(where: { $0.name == "plan" && $0.value != "0" }) else {
            return ServerResponse(
                status: 200, headers: ServerHeaders([("Content-Type", "application/x-ndjson")]),
                body: .stream { writer in try await Self.tell(warmer, jobs, to: writer) })
        }
        let held = try await context.store.ingests().map { ($0.digest, $0.bytes) }
        let report = try await context.planner.plan(
            try await warmer.requests(for: jobs), held: Dictionary(held, uniquingKeysWith: { max($0, $1) }))
        guard case .object(var members) = Self.json(of: report) else { return Self.message(500, "no plan") }
        let usage = try await context.store.usage()
        members.append(.init("diskAfter", .integer(usage.blobs.logical + report.bytesToFetch)))
        if let rate = warmer.bytesPerSecond, rate > 0 {
            members.append(.init("bytesPerSecond", .integer(rate)))
            members.append(.init("seconds", .integer((report.bytesToFetch + rate - 1) / rate)))
        }
        return Self.json(200, .object(members))
    }

    private static func asked(_ request: ServerRequest) async throws -> (
        names: [String], files: [(name: String, text: String)]
    ) {
        var names = request.query.filter { $0.name == "name" }.map(\.value)
        var files: [(name: String, text: String)] = []
        let body = try await request.body.collect(limit: maximumBody)
        guard !body.isEmpty else { return (names, files) }
        let json = try JSON(parsing: body)
        names += (json["names"]?.array ?? []).compactMap(\.string)
        for file in json["files"]?.array ?? [] {
            files.append((file["name"]?.string ?? "", file["text"]?.string ?? ""))
        }
        return (names, files)
    }

    private static func tell(_ warmer: Warmer, _ jobs: [WarmJob], to writer: any ResponseWriter) async throws {
        func write(_ line: JSON) async throws { try await writer.write(line.serialized() + [UInt8(ascii: "\n")]) }
        let entries = jobs.reduce(0) { $0 + $1.wishes.count }
        try await write(["type": "begin", "entries": .integer(Int64(entries))])
        do {
            let report = try await warmer.run(jobs) { event in
                try await writer.write(line(for: event).serialized() + [UInt8(ascii: "\n")])
            }
            try await write([
                "type": "done", "entries": .integer(Int64(entries)), "present": .integer(Int64(report.present)),
                "fetchedBytes": .integer(report.fetchedBytes),
                "failures": .array(report.failures.map { .string($0) }),
            ])
        } catch let gone where gone is ClientGone || gone is CancellationError {
            throw gone
        } catch {
            try await write(PullLines.failed(error))
        }
    }

    private static func line(for event: WarmEvent) -> JSON {
        switch event {
        case .resolved(let wish, let reference): entry(wish, "checking", [.init("reference", .string("\(reference)"))])
        case .progress(let wish, let received, let bytes):
            entry(wish, "fetching", [.init("received", .integer(received)), .init("bytes", .integer(bytes))])
        case .done(let wish, let digest, let fetched):
            entry(
                wish, "present",
                [.init("digest", .string("\(digest)")), .init("fetchedBytes", .integer(fetched))])
        case .fed(let wish, let engine): entry(wish, "fed", [.init("engine", .string(engine.rawValue))])
        case .failed(let wish, let reason): entry(wish, "failed", [.init("message", .string(reason))])
        }
    }

    private static func entry(_ wish: WarmWish, _ state: String, _ more: [JSON.Member]) -> JSON {
        .object(
            [
                .init("type", "entry"), .init("image", .string(wish.image)),
                .init("platform", wish.platform.map { .string("\($0)") } ?? .null), .init("state", .string(state)),
            ] + more)
    }

    func warmStates() async throws -> ServerResponse {
        let lists = context.warmer.map { warmer in warmer.lists.map { ($0, warmer.nextTurn(of: $0)) } } ?? []
        let states = try await context.catalogue.warmStates()
        return Self.json(
            200,
            [
                "lists": .array(
                    lists.map { list, next in
                        [
                            "name": .string(list.name), "images": .array(list.images.map { .string($0) }),
                            "files": .array(list.files.map { .string($0) }),
                            "everySeconds": list.every.map { .integer($0.components.seconds) } ?? .null,
                            "schedule": .array(list.schedule.map { .string("\($0)") }),
                            "next": next.map { .string("\($0)") } ?? .null,
                            "windows": .array(list.windows.map { .string("\($0)") }),
                            "bandwidth": list.bandwidth.map { .integer($0) } ?? .null, "pin": .bool(list.pin),
                            "into": .array(list.into.map { .string($0.rawValue) }),
                        ]
                    }), "entries": .array(states.map(Self.json(of:))),
            ])
    }

    private static func json(of state: WarmState) -> JSON {
        [
            "list": .string(state.list), "image": .string(state.image),
            "platform": state.platform.map { .string("\($0)") } ?? .null,
            "digest": state.digest.map { .string("\($0)") } ?? .null, "checked": .string("\(state.checked)"),
            "changed": state.changed.map { .string("\($0)") } ?? .null,
            "error": state.error.map { .string($0) } ?? .null, "failures": .integer(Int64(state.failures)),
        ]
    }
}
