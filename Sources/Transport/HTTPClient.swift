// Transport: bytes over HTTP. A client asks one URL and pours the answer into a sink. Which URL to ask, what the answer
// means, and whether to ask again are decided in other rooms; neither registries nor files are known here.

/// What a sink did with the bytes it was shown.
public enum SinkAnswer: Sendable {
    /// They are the sink's now.
    case taken
    /// The sink has no room and kept none of them: the same bytes come again after ``Flow/resume()``.
    case full
}

/// Restarts one transfer whose sink was full.
public final class Flow: Sendable {
    private let onResume: @Sendable () -> Void

    /// Makes the handle of a transfer; `onResume` must be callable from any thread, any number of times.
    public init(onResume: @escaping @Sendable () -> Void) {
        self.onResume = onResume
    }

    /// Says that the sink has room again. From any thread and never blocking; of no effect on a transfer that is
    /// running or has ended.
    public func resume() { onResume() }
}

/// Takes one response.
///
/// All calls come from one thread at a time, in order, and never after `perform` has returned. They hold up every other
/// transfer of the client while they last, so they must neither wait nor be slow.
public protocol ByteSink: AnyObject, Sendable {
    /// Judges the head before the first byte: called once, for the final response (1xx are skipped), also when the body
    /// is empty. What it throws ends the transfer and is thrown by `perform`.
    func begin(_ head: HTTPResponseHead, flow: Flow) throws

    /// Shown the next bytes of the body, valid during the call. What it throws ends the transfer and is thrown by
    /// `perform`.
    func append(_ bytes: RawSpan) throws -> SinkAnswer
}

/// Asks one URL.
///
/// Redirects are never followed, contents never decoded, and only http and https are spoken (over Unix sockets too).
/// Any status is an answer and not an error. Every conformance passes `httpClientContract` (TestSupport).
public protocol HTTPClient: Sendable {
    /// Sends `request` and shows the answer to `sink`; returns when the body is complete. Cancelling the task ends the
    /// transfer.
    /// - Throws: ``TransportError``, what the sink threw, or `CancellationError`.
    func perform(_ request: HTTPRequest, into sink: any ByteSink) async throws -> HTTPResponseHead
}
