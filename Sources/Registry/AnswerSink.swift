internal import Coordination
internal import Transport

/// What to do with the body of an answer, decided at its head.
protocol AnswerTaker: AnyObject, Sendable {
    /// Judges the status and the lengths before the first byte. `true`: the body is the content asked for and goes to
    /// `take`; `false`: it is a text about a failure. Not asked for redirects.
    func judge(_ head: HTTPResponseHead) throws -> Bool
    /// Takes the next bytes of the content.
    func take(_ bytes: RawSpan) throws
    /// Bounds how fast the content comes.
    var pace: Pace? { get }
}

extension AnswerTaker {
    var pace: Pace? { nil }
}

/// One request's answer that is no redirect.
struct Answer: Sendable {
    var head: HTTPResponseHead
    /// The beginning of the body, where it is no content.
    var text: [UInt8]
    /// Who answered.
    var host: String
    /// A redirect led to another origin: what it says of credentials is not the registry's word.
    var isElsewhere: Bool
    /// The body went to the taker.
    var isContent: Bool
}

/// Keeps an answer's content and its failure texts apart: a content network's XML must not end in a blob's file.
final class AnswerSink: ByteSink {
    /// Nothing more of the body is of interest.
    struct Seen: Error {
        let head: HTTPResponseHead
    }

    private struct State {
        var head: HTTPResponseHead?
        var isContent = false
        var flow: Flow?
        var text: [UInt8] = []
    }

    private let taker: any AnswerTaker
    private let state = Locked(State())

    init(_ taker: any AnswerTaker) { self.taker = taker }

    var text: [UInt8] { state.withLock { $0.text } }
    var isContent: Bool { state.withLock { $0.isContent } }

    func begin(_ head: HTTPResponseHead, flow: Flow) throws {
        state.withLock { $0.head = head }
        let isContent = try RedirectRule.location(in: head) == nil && taker.judge(head)
        state.withLock { ($0.isContent, $0.flow) = (isContent, flow) }
        // Bodies of failures may stall: distribution 2.8 announces a whole blob after 416. Long ones are not awaited.
        if !isContent, let length = head.contentLength, length > Refusal.maximumBody {
            throw Seen(head: head)
        }
    }

    func append(_ bytes: RawSpan) throws -> SinkAnswer {
        let (isContent, flow) = state.withLock { ($0.isContent, $0.flow) }
        if isContent {
            if let flow, let wait = taker.pace?.wait(for: bytes.byteCount) {
                // Awaited by nobody: resuming a transfer that has ended meanwhile does nothing.
                Task {
                    do { try await Task.sleep(for: wait) } catch {}
                    flow.resume()
                }
                return .full
            }
            try taker.take(bytes)
            return .taken
        }
        // INVARIANT: the bytes are copied while the pointer is valid.
        let chunk = bytes.withUnsafeBytes { Array($0.prefix(Refusal.maximumBody)) }
        let head = state.withLock { state in
            state.text.append(contentsOf: chunk.prefix(Refusal.maximumBody - state.text.count))
            return state.text.count >= Refusal.maximumBody ? state.head : nil
        }
        if let head { throw Seen(head: head) }
        return .taken
    }
}
