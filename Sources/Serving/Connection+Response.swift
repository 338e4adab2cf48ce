internal import NIOCore

/// A streamed body as its handler writes it.
private struct StreamWriter: ResponseWriter {
    let connection: Connection
    let id: UInt64

    func write(_ bytes: [UInt8]) async throws { try await connection.write(bytes, id) }

    func write(file descriptor: Int32, offset: Int64, length: Int64, owner: any Sendable) async throws {
        if connection.isEncrypted {
            return try await copy(file: descriptor, offset: offset, length: length, owner: owner)
        }
        let part = FilePart(descriptor: descriptor, offset: offset, length: length)
        try await connection.write(part, owner, id)
    }
}

extension Connection {
    /// The task of one request: asks the handler and sends what it answers.
    nonisolated func serve(_ request: ServerRequest, _ id: UInt64) async {
        let answered = await worker.handler.respond(to: request)
        let response = isEncrypted ? answered.streamingFile : answered
        guard case .stream(let produce) = response.body else { return onLoop { [self] in answer(response, id) } }
        do {
            guard try await beginStream(response, id) else { return }
            try await produce(StreamWriter(connection: self, id: id))
            onLoop { [self] in endStream(id) }
        } catch {
            onLoop { [self] in cutStream(id) }
        }
    }

    /// Sends what the handler has at hand; false when it has to be waited for.
    func answerAtOnce(_ request: ServerRequest, _ id: UInt64) -> Bool {
        guard !isEncrypted, let response = worker.handler.respondAtOnce(to: request) else { return false }
        answer(response, id)
        return true
    }

    /// Answers a request that never reached the handler, or had no business to.
    func refuse(_ refusal: Refusal) {
        guard phase == .waiting else { return }
        var response = ServerResponse(status: refusal.status, body: .bytes(Array((refusal.message + "\n").utf8)))
        response.headers.set("Content-Type", "text/plain; charset=utf-8")
        if refusal.status == 503 { response.headers.set("Retry-After", "1") }
        phase = .lingering
        let head = ResponseHead(response, to: RequestHead(), close: true)
        send(headBytes(head, with: response.body)) { [self] in linger() }
    }

    // MARK: whole responses

    private func answer(_ response: ServerResponse, _ id: UInt64) {
        guard phase == .exchange, exchange?.id == id, case .awaited = exchange?.response else { return }
        let head = beginResponse(response)
        guard case .file(let descriptor, let offset, let length, let owner) = response.body, head.framing != .none,
            length > 0
        else {
            exchange?.response = .flushing
            return send(headBytes(head, with: response.body)) { [self] in responseEnded(id) }
        }
        let file = FilePart(descriptor: descriptor, offset: offset, length: length)
        let isSent =
            length <= FilePart.copiedBytes ? copy(file, after: head, id) : sendFile(file, after: head, id, owner)
        if !isSent {
            let reason = "the file is shorter than the answer\n"
            answer(ServerResponse(status: 500, body: .bytes(Array(reason.utf8))), id)
        }
        // Until here for a copied part; `sendFile` holds it for as long as it needs.
        withExtendedLifetime(owner) {}
    }

    /// Head and part in one write; false when the file is too short.
    private func copy(_ part: FilePart, after head: ResponseHead, _ id: UInt64) -> Bool {
        var buffer = headBytes(head, with: .none, room: Int(part.length))
        guard part.copy(to: &buffer) else { return false }
        exchange?.response = .flushing
        send(buffer) { [self] in responseEnded(id) }
        return true
    }

    /// Head, and part by `sendfile`; false when the file is too short.
    private func sendFile(
        _ part: FilePart, after head: ResponseHead, _ id: UInt64, _ owner: any Sendable
    ) -> Bool {
        guard let region = part.region() else { return false }
        exchange?.response = .flushing
        context?.write(wrapOutboundOut(.byteBuffer(headBytes(head, with: .none))), promise: nil)
        written += part.length
        send(.fileRegion(region)) { [self] _ in
            // The descriptor is the owner's: the region must give it back unclosed, and the owner live until now.
            withExtendedLifetime(owner) { FilePart.disown(region) }
            responseEnded(id)
        }
        return true
    }

    /// Decides how the response is framed and whether the connection survives it.
    private func beginResponse(_ response: ServerResponse) -> ResponseHead {
        let asked = response.headers.fields.contains { sameName($0.name, "connection") && sameName($0.value, "close") }
        let closes = asked || worker.isDraining || exchange?.closes != false || exchange?.canFinishBody(limits) != true
        let head = ResponseHead(response, to: exchange?.head ?? RequestHead(), close: closes)
        exchange?.closes = head.close
        return head
    }

    private func headBytes(_ head: ResponseHead, with body: ResponseBody, room: Int = 0) -> ByteBuffer {
        // Common heads have 200 to 400 bytes.
        var content: [UInt8] = []
        if case .bytes(let bytes) = body, head.framing != .none { content = bytes }
        var buffer = ByteBufferAllocator().buffer(capacity: 512 + content.count + room)
        head.write(to: &buffer, date: worker.dateText())
        buffer.writeBytes(content)
        return buffer
    }

    // MARK: streams

    /// Sends the head of a stream; false when it is the whole response, as for HEAD.
    private func beginStream(_ response: ServerResponse, _ id: UInt64) async throws -> Bool {
        try await withCheckedThrowingContinuation { continuation in
            onLoop { [self] in
                guard phase == .exchange, exchange?.id == id, case .awaited = exchange?.response else {
                    return continuation.resume(throwing: ClientGone())
                }
                let head = beginResponse(response)
                continuation.resume(returning: head.framing != .none)
                guard head.framing != .none else {
                    exchange?.response = .flushing
                    return send(headBytes(head, with: .none)) { [self] in responseEnded(id) }
                }
                exchange?.response = .streaming(head.framing, written: 0)
                send(headBytes(head, with: .none))
            }
        }
    }

    fileprivate func write(_ bytes: [UInt8], _ id: UInt64) async throws {
        // Most writes find room and need no wait: on the loop's own thread not even a hop.
        if loop.inEventLoop, try append(bytes, id) { return }
        let ticket = Ticket()
        let isQueued = loop.inEventLoop
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                onLoop { [self] in wait(ticket, id, isQueued ? nil : bytes, continuation) }
            }
        } onCancel: {
            onLoop { [self] in cancelWrite(ticket) }
        }
    }

    private func wait(
        _ ticket: Ticket, _ id: UInt64, _ bytes: [UInt8]?, _ continuation: CheckedContinuation<Void, any Error>
    ) {
        do {
            if ticket.isCancelled { throw CancellationError() }
            if let bytes, try append(bytes, id) { return continuation.resume() }
            guard exchange?.id == id, let context else { throw ClientGone() }
            if context.channel.isWritable { return continuation.resume() }
            exchange?.writers.append((ticket, continuation))
        } catch { continuation.resume(throwing: error) }
    }

    private func cancelWrite(_ ticket: Ticket) {
        ticket.isCancelled = true
        guard let index = exchange?.writers.firstIndex(where: { $0.ticket === ticket }) else { return }
        exchange?.writers.remove(at: index).continuation.resume(throwing: CancellationError())
    }

    /// Sends bytes of a stream; false when the socket is full and the writer must wait.
    private func append(_ bytes: [UInt8], _ id: UInt64) throws -> Bool {
        guard phase == .exchange, exchange?.id == id, case .streaming(let framing, let written) = exchange?.response
        else {
            throw ClientGone()
        }
        if bytes.isEmpty { return true }
        let total = written + Int64(bytes.count)
        if case .length(let declared) = framing, total > declared {
            throw ServingError.wrongLength(declared: declared, written: total)
        }
        exchange?.response = .streaming(framing, written: total)
        send(framing == .chunked ? chunk(bytes) : ByteBuffer(bytes: bytes))
        guard exchange?.id == id, let context else { throw ClientGone() }
        return context.channel.isWritable
    }

    private func chunk(_ bytes: [UInt8]) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: bytes.count + 20)
        buffer.writeString(String(bytes.count, radix: 16))
        buffer.writeStaticString("\r\n")
        buffer.writeBytes(bytes)
        buffer.writeStaticString("\r\n")
        return buffer
    }

    private func endStream(_ id: UInt64) {
        guard phase == .exchange, exchange?.id == id, case .streaming(let framing, let written) = exchange?.response
        else {
            return
        }
        if case .length(let declared) = framing, written != declared { return cutStream(id) }
        exchange?.response = .flushing
        send(ByteBuffer(string: framing == .chunked ? "0\r\n\r\n" : "")) { [self] in responseEnded(id) }
    }

    /// Closes without the end of the body, so that no client takes what it has for the whole.
    private func cutStream(_ id: UInt64) {
        guard phase == .exchange, exchange?.id == id, case .streaming = exchange?.response else { return }
        exchange?.response = .flushing
        send(ByteBuffer()) { [self] in
            if exchange?.id == id { linger() }
        }
    }

    // MARK: the socket

    func send(_ buffer: ByteBuffer) {
        written += Int64(buffer.readableBytes)
        context?.writeAndFlush(wrapOutboundOut(.byteBuffer(buffer)), promise: nil)
    }

    /// Sends, and calls `done` when the socket has taken everything, or never will.
    private func send(_ buffer: ByteBuffer, then done: @escaping () -> Void) {
        written += Int64(buffer.readableBytes)
        send(.byteBuffer(buffer)) { _ in done() }
    }

    /// Sends, and tells when the socket has taken everything, or why it never will.
    func send(_ data: IOData, then done: @escaping (Result<Void, any Error>) -> Void) {
        guard let context else { return done(.failure(ClientGone())) }
        let promise = loop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { done($0) }
        context.writeAndFlush(wrapOutboundOut(data), promise: promise)
    }
}

extension Exchange {
    /// Whether another piece of the body may be taken in.
    func hasRoom(_ limits: ServerLimits) -> Bool { discardsBody || buffered < limits.bodyBufferBytes }

    /// Whether what is left of the body is little enough to be read over, so that another request can follow.
    func canFinishBody(_ limits: ServerLimits) -> Bool {
        if bodyFault != nil || !continued { return decoder.isDone }
        return (decoder.remaining ?? .max) <= limits.discardBytes
    }
}
