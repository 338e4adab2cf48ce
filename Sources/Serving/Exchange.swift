internal import NIOCore

/// One request and its response, while they last.
struct Exchange {
    /// How far the response is.
    enum Response {
        case awaited
        /// The head is out, and bytes of a streamed body.
        case streaming(ResponseFraming, written: Int64)
        /// Nothing is added to it any more, and the socket has not taken all of it.
        case flushing
        case done
    }

    /// Tells exchanges of one connection apart: a handler that goes on after its client left holds an old one.
    let id: UInt64
    let head: RequestHead
    var decoder: BodyDecoder
    var response = Response.awaited
    /// The connection does not outlive this exchange.
    var closes: Bool
    /// The handler's task: cancelled when the client leaves.
    var task: Task<Void, Never>?

    /// Bytes of the body that nobody has read yet.
    private(set) var pieces: [ByteBuffer] = []
    private(set) var buffered = 0
    /// Why no more of the body comes.
    var bodyFault: (any Error)?
    var reader: (ticket: Ticket, continuation: CheckedContinuation<[UInt8]?, any Error>)?
    var writers: [(ticket: Ticket, continuation: CheckedContinuation<Void, any Error>)] = []
    /// The client has been told to go on, or did without.
    var continued: Bool

    init(id: UInt64, head: RequestHead) {
        self.id = id
        self.head = head
        decoder = BodyDecoder(head.body)
        closes = !head.keepAlive
        continued = !head.expectsContinue
    }

    /// Nothing more is written to the response: what comes of the body is of no interest.
    var discardsBody: Bool {
        switch response {
        case .awaited, .streaming: false
        case .flushing, .done: true
        }
    }

    mutating func append(_ piece: ByteBuffer) {
        pieces.append(piece)
        buffered += piece.readableBytes
        continued = true
    }

    mutating func discard() {
        pieces.removeAll()
        buffered = 0
    }

    /// What a reader of the body is told now; nil: wait.
    mutating func nextPiece() -> Result<[UInt8]?, any Error>? {
        if buffered > 0 {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(buffered)
            for piece in pieces { bytes.append(contentsOf: piece.readableBytesView) }
            discard()
            return .success(bytes)
        }
        if decoder.isDone { return .success(nil) }
        return bodyFault.map { .failure($0) }
    }

    /// Answers the waiting reader if there is something to say.
    mutating func wakeReader() {
        guard let reader, let answer = nextPiece() else { return }
        self.reader = nil
        reader.continuation.resume(with: answer)
    }

    mutating func wakeWriters(_ result: Result<Void, any Error>) {
        let waiting = writers
        writers.removeAll()
        for writer in waiting { writer.continuation.resume(with: result) }
    }
}
