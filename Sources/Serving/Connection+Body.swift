internal import NIOCore

/// A request's body as its handler reads it.
struct BodyReader: BodySource {
    let connection: Connection
    let id: UInt64

    func nextPiece() async throws -> [UInt8]? { try await connection.nextPiece(id) }
}

extension Connection {
    /// Decodes what has come of the body, as far as there is room for it. True when the exchange has ended by it.
    func feedBody() -> Bool {
        guard let current = exchange, current.bodyFault == nil else { return false }
        do throws(Refusal) {
            while let room = exchange?.hasRoom(limits), room, let piece = try exchange?.decoder.decode(&input) ?? nil {
                if !current.discardsBody { exchange?.append(piece) }
            }
        } catch {
            breakBody(ServingError.malformedBody(error.message))
            guard case .awaited = current.response else { return false }
            endExchange()
            refuse(error)
            return false
        }
        exchange?.wakeReader()
        guard case .done = exchange?.response, exchange?.decoder.isDone == true else { return false }
        endExchange()
        return true
    }

    /// No more of the body can be had, and nothing after it can be understood.
    func breakBody(_ fault: any Error) {
        if exchange?.bodyFault == nil { exchange?.bodyFault = fault }
        exchange?.closes = true
        input.clear()
        exchange?.wakeReader()
    }

    fileprivate func nextPiece(_ id: UInt64) async throws -> [UInt8]? {
        let ticket = Ticket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                onLoop { [self] in read(id, ticket, continuation) }
            }
        } onCancel: {
            onLoop { [self] in cancelRead(ticket) }
        }
    }

    private func read(_ id: UInt64, _ ticket: Ticket, _ continuation: CheckedContinuation<[UInt8]?, any Error>) {
        guard exchange?.id == id else { return continuation.resume(throwing: ClientGone()) }
        if ticket.isCancelled { return continuation.resume(throwing: CancellationError()) }
        guard exchange?.reader == nil else { return continuation.resume(throwing: ServingError.bodyHasOneReader) }
        if let answer = exchange?.nextPiece() {
            continuation.resume(with: answer)
        } else {
            exchange?.reader = (ticket, continuation)
            sendContinue()
        }
        process()
    }

    private func cancelRead(_ ticket: Ticket) {
        ticket.isCancelled = true
        guard let reader = exchange?.reader, reader.ticket === ticket else { return }
        exchange?.reader = nil
        reader.continuation.resume(throwing: CancellationError())
    }

    /// Tells a client that waits for it that its body is wanted. Not once the response has begun: that is the answer.
    private func sendContinue() {
        guard let current = exchange, !current.continued, case .awaited = current.response else { return }
        exchange?.continued = true
        send(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
    }
}
