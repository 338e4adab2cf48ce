internal import Coordination
internal import OCI
public import Transport

/// A conformance broke its contract: which promise, and what was seen.
public struct ContractViolation: Error, CustomStringConvertible {
    /// The promise and what was seen instead.
    public let description: String

    init(_ promise: String, _ seen: String) { description = "\(promise): \(seen)" }
}

/// A client to be tried, and the URL at which it meets the scripted answer.
public struct ContractSubject: Sendable {
    let client: any HTTPClient
    let url: String
    let release: @Sendable () async throws -> Void

    /// `release` undoes what making the subject did.
    public init(client: any HTTPClient, url: String, release: @escaping @Sendable () async throws -> Void = {}) {
        self.client = client
        self.url = url
        self.release = release
    }
}

/// Checks what every ``HTTPClient`` promises: one head before the bytes, the bytes in order, what a sink throws comes
/// out, a full sink loses nothing, a cut body is an error, cancellation ends.
/// - Parameter make: makes a subject whose URL answers with the given reply.
/// - Throws: ``ContractViolation``, what `make` throws, and what the client throws where it ought not.
public func httpClientContract(_ make: (ScriptedReply) async throws -> ContractSubject) async throws {
    for check in [pours, beginsWithoutBody, headHasNoBody, statusIsNoError] { try await run(check, make) }
    for check in [headIsRefused, bodyIsRefused, fullSinkLosesNothing] { try await run(check, make) }
    for check in [cutIsAnError, cancelledInTheBody, cancelledBefore] { try await run(check, make) }
}

/// One promise: the answer to script, and what to see.
private struct Check {
    var reply: ScriptedReply
    var see: @Sendable (ContractSubject) async throws -> Void
}

private func run(_ check: () -> Check, _ make: (ScriptedReply) async throws -> ContractSubject) async throws {
    let check = check()
    let subject = try await make(check.reply)
    do {
        try await check.see(subject)
    } catch {
        try await subject.release()
        throw error
    }
    try await subject.release()
}

private struct Refused: Error {}

private let sample: [UInt8] = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

private func expect(_ holds: Bool, _ promise: String, _ seen: @autoclosure () -> String) throws {
    if !holds { throw ContractViolation(promise, seen()) }
}

/// Performs and closes the sink; then the record must be free of violations.
private func perform(
    _ subject: ContractSubject, _ method: HTTPMethod = .get, into sink: RecordingSink
) async throws -> Result<HTTPResponseHead, any Error> {
    let outcome: Result<HTTPResponseHead, any Error>
    do {
        outcome = .success(try await subject.client.perform(HTTPRequest(method: method, url: subject.url), into: sink))
    } catch {
        outcome = .failure(error)
    }
    sink.close()
    if let violation = sink.record.value.violation {
        throw ContractViolation("a sink's calls come in order", violation)
    }
    return outcome
}

private func pours() -> Check {
    Check(reply: ScriptedReply(headers: HTTPHeaders([("X-One", "1")]), body: sample)) { subject in
        let sink = RecordingSink()
        let head = try await perform(subject, into: sink).get()
        let record = sink.record.value
        try expect(record.body == sample, "the bytes come whole and in order", "\(record.body.count) bytes, or others")
        try expect(record.heads == [head], "the head begun is the head returned", "\(record.heads) and \(head)")
        try expect(head.headers.first("x-one") == "1", "headers arrive", "\(head.headers)")
        try expect(head.contentLength == Int64(sample.count), "the length is announced", "\(head)")
    }
}

private func beginsWithoutBody() -> Check {
    Check(reply: ScriptedReply()) { subject in
        let sink = RecordingSink()
        _ = try await perform(subject, into: sink).get()
        let record = sink.record.value
        try expect(record.heads.count == 1, "an empty body begins once", "\(record.heads.count) times")
        try expect(record.body.isEmpty, "an empty body brings no bytes", "\(record.body.count)")
    }
}

private func headHasNoBody() -> Check {
    Check(reply: ScriptedReply(body: sample)) { subject in
        let sink = RecordingSink()
        let head = try await perform(subject, .head, into: sink).get()
        try expect(head.contentLength == Int64(sample.count), "HEAD announces GET's length", "\(head)")
        try expect(sink.record.value.body.isEmpty, "HEAD brings no bytes", "\(sink.record.value.body.count)")
        try expect(sink.record.value.heads.count == 1, "HEAD begins once", "\(sink.record.value.heads.count) times")
    }
}

private func statusIsNoError() -> Check {
    let headers = HTTPHeaders([("Location", "http://127.0.0.1:1/elsewhere")])
    return Check(reply: ScriptedReply(status: 307, headers: headers, body: [1, 2, 3])) { subject in
        let sink = RecordingSink()
        let head = try await perform(subject, into: sink).get()
        try expect(head.status == 307, "redirects are answers and not followed", "status \(head.status)")
        try expect(sink.record.value.body == [1, 2, 3], "a redirect's body is shown", "\(sink.record.value.body)")
    }
}

private func headIsRefused() -> Check {
    Check(reply: ScriptedReply(body: sample)) { subject in
        let sink = RecordingSink(refusal: .head(Refused()))
        let outcome = try await perform(subject, into: sink)
        try expect(outcome.isFailure(of: Refused.self), "what begin throws comes out", "\(outcome)")
        try expect(
            sink.record.value.appends == 0, "no bytes follow a refused head", "\(sink.record.value.appends) calls")
    }
}

private func bodyIsRefused() -> Check {
    Check(reply: ScriptedReply(body: sample)) { subject in
        let sink = RecordingSink(refusal: .body(after: 50_000, Refused()))
        let outcome = try await perform(subject, into: sink)
        try expect(outcome.isFailure(of: Refused.self), "what append throws comes out", "\(outcome)")
        let taken = sink.record.value.body
        try expect(
            sample.starts(with: taken) && taken.count < sample.count, "nothing follows it", "\(taken.count) bytes")
    }
}

private func fullSinkLosesNothing() -> Check {
    Check(reply: ScriptedReply(body: sample)) { subject in
        let sink = RecordingSink(room: 40_000)
        async let outcome = perform(subject, into: sink)
        while true {
            let record = try await sink.record.wait(for: "a full sink or a whole body") {
                $0.refused != nil || $0.body.count == sample.count ? $0 : nil
            }
            if record.refused == nil { break }
            try expect(sink.record.value.refusals == record.refusals, "a full sink is left alone", "it was asked again")
            sink.makeRoom(40_000)
            _ = try await sink.record.wait(for: "the bytes to come again") {
                $0.refused == nil || $0.refusals > record.refusals ? true : nil
            }
        }
        _ = try await outcome.get()
        try expect(sink.record.value.body == sample, "a full sink loses and doubles nothing", "other bytes")
    }
}

private func cutIsAnError() -> Check {
    Check(reply: ScriptedReply(body: sample, end: .cut(after: 60_000))) { subject in
        let sink = RecordingSink()
        let outcome = try await perform(subject, into: sink)
        try expect(outcome.isFailure(of: TransportError.self), "a body cut short is a TransportError", "\(outcome)")
        try expect(sink.record.value.body == Array(sample.prefix(60_000)), "what came was shown", "other bytes")
    }
}

private func cancelledInTheBody() -> Check {
    let checkpoint = Checkpoint()
    return Check(reply: ScriptedReply(body: sample, end: .stall(after: 60_000, checkpoint))) { subject in
        let sink = RecordingSink()
        let task = Task { try await perform(subject, into: sink) }  // awaited below, cancelled here
        _ = try await sink.record.wait(for: "the first part") { $0.body.count == 60_000 ? true : nil }
        task.cancel()
        let outcome = try await task.value
        try expect(outcome.isFailure(of: CancellationError.self), "cancelling ends the transfer", "\(outcome)")
        checkpoint.open()
    }
}

private func cancelledBefore() -> Check {
    Check(reply: ScriptedReply(body: sample)) { subject in
        let sink = RecordingSink()
        let task = Task {  // awaited below
            withUnsafeCurrentTask { $0?.cancel() }
            return try await perform(subject, into: sink)
        }
        let outcome = try await task.value
        try expect(outcome.isFailure(of: CancellationError.self), "a cancelled task asks nothing", "\(outcome)")
        try expect(sink.record.value.heads.isEmpty, "a cancelled task shows nothing", "a head")
    }
}

extension Result where Failure == any Error {
    fileprivate func isFailure<Wanted: Error>(of type: Wanted.Type) -> Bool {
        if case .failure(let error) = self { error is Wanted } else { false }
    }
}
