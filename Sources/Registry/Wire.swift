internal import OCI
internal import Transport

/// Sends one request and sorts out how it ended.
struct Wire: Sendable {
    /// The time for a whole answer that is a document, a token or a list. Blobs have none: they are watched for stalls.
    static let documentTime: Duration = .seconds(60)

    let http: any HTTPClient

    /// How an exchange ended.
    struct Reply {
        var head: HTTPResponseHead
        /// The beginning of a body that is no content.
        var text: [UInt8]
        var isContent: Bool
    }

    /// - Throws: ``RegistryError/Reason``, what the taker threw, or `CancellationError`.
    func send(_ request: HTTPRequest, into taker: any AnswerTaker) async throws -> Reply {
        let sink = AnswerSink(taker)
        do {
            let head = try await http.perform(request, into: sink)
            return Reply(head: head, text: sink.text, isContent: sink.isContent)
        } catch let seen as AnswerSink.Seen {
            return Reply(head: seen.head, text: sink.text, isContent: false)
        } catch let error as TransportError {
            throw RegistryError.Reason.transport(error)
        }
    }
}
