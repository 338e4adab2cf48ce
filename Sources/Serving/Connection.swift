internal import Glibc
internal import NIOCore

/// One client's connection: takes requests off it one by one and runs a task of the handler for each.
///
/// `@unchecked Sendable`: INVARIANT: every `var` is touched on `loop` only; what tasks call (`Connection+Body`,
/// `Connection+Response`) hops there first.
final class Connection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = IOData

    enum Phase {
        /// For a request, or the rest of its head.
        case waiting
        case exchange
        /// Our side is closed; what still comes is thrown away until the client closes, too.
        case lingering
        case closed
    }

    let worker: Worker
    /// What goes out is encrypted here, so that no file can go by `sendfile`.
    let isEncrypted: Bool
    var loop: any EventLoop { worker.loop }
    var limits: ServerLimits { worker.limits }
    private(set) var context: ChannelHandlerContext?
    var phase = Phase.waiting
    var exchange: Exchange?
    var input = ByteBuffer()
    /// The client has closed its side; it may still read.
    private(set) var inputEnded = false
    /// There was no place for this connection: it gets a 503 to its first request.
    private(set) var isRefused = false
    /// When the phase began, or something last moved in it.
    private(set) var since = NIODeadline.now()
    /// Bytes written in all, to see movement by.
    var written: Int64 = 0

    private var parser: RequestHeadParser
    private var peer: PeerCredentials?
    private var served: UInt64 = 0
    private var isReading = false
    private var isProcessing = false
    private var seen: (written: Int64, unsent: Int) = (0, 0)

    init(worker: Worker, isEncrypted: Bool = false) {
        self.worker = worker
        self.isEncrypted = isEncrypted
        parser = RequestHeadParser(limits: worker.limits)
    }

    /// No request is under way, so closing costs the client nothing but a new connection.
    var isWaiting: Bool { phase == .waiting }

    // MARK: what NIO calls

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        do {
            peer = try context.pipeline.syncOperations.withUnsafeTransportIfAvailable { (descriptor: Int32) in
                // NIO accepts without CLOEXEC, and a credential helper must not inherit clients.
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                return PeerCredentials(descriptor: descriptor)
            }.flatMap { $0 }
        } catch { context.close(promise: nil) }
    }

    func channelActive(context: ChannelHandlerContext) {
        switch worker.admit(self) {
        case .serve: break
        case .refuse: isRefused = true
        case .close: return context.close(promise: nil)
        }
        resumeReading()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        if phase == .exchange { since = .now() }
        process()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        resumeReading()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(.inputClosed) = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        inputEnded = true
        if phase == .lingering { return close() }
        if exchange?.decoder.isDone == false { breakBody(ClientGone()) }
        process()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { exchange?.wakeWriters(.success(())) }
    }

    /// The client has left, or we closed: whoever waits for it is told, and the handler's task is cancelled.
    func channelInactive(context: ChannelHandlerContext) {
        phase = .closed
        endExchange()
        worker.remove(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// A reset, mostly; the channel closes by itself or is closed here, and `channelInactive` does the rest.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: the order of things

    /// Does all that can be done with the bytes that are here.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        while advance() {}
        isProcessing = false
        resumeReading()
    }

    /// One step; false when more bytes, or the handler, must come first.
    private func advance() -> Bool {
        switch phase {
        case .waiting: return takeRequest()
        case .exchange: return feedBody()
        case .lingering, .closed:
            input.clear()
            return false
        }
    }

    private func takeRequest() -> Bool {
        // A TLS client greets with 0x16 0x03. It waits 10 s for an answer that is not TLS, but asks again in plain HTTP
        // at once when the connection closes; and no method begins so.
        if input.readableBytesView.first == 0x16, !parser.isUnderWay {
            close()
            return false
        }
        let wasUnderWay = parser.isUnderWay
        do throws(Refusal) {
            guard let head = try parser.parse(&input) else {
                if inputEnded { close() } else if !wasUnderWay, served > 0, parser.isUnderWay { since = .now() }
                return false
            }
            try begin(head)
            return true
        } catch {
            refuse(error)
            return false
        }
    }

    private func begin(_ head: RequestHead) throws(Refusal) {
        guard let target = TargetParts(head.target) else { throw Refusal(400, "the target is malformed") }
        if isRefused { throw Refusal(503, "too many connections") }
        served += 1
        since = .now()
        phase = .exchange
        exchange = Exchange(id: served, head: head)
        if head.body != .none { _ = feedBody() }
        let body = head.body == .none ? RequestBody() : RequestBody(source: BodyReader(connection: self, id: served))
        let request = ServerRequest(
            method: head.method, target: head.target, path: target.path, query: target.query, headers: head.headers,
            body: body, peer: peer, version: head.minorVersion == 0 ? "1.0" : "1.1")
        if head.body == .none, answerAtOnce(request, served) { return }
        start(request, served)
    }

    private func start(_ request: ServerRequest, _ id: UInt64) {
        worker.taskBegan()
        // This connection cancels the task when its client leaves or the server's patience ends; `Worker.drained` waits
        // for it, so that no task outlives the server. Begun here and now: a handler that needs not wait needs no other
        // thread.
        let task = Task.immediate { [self] in
            await serve(request, id)
            onLoop { [self] in worker.taskEnded() }
        }
        if exchange?.id == id { exchange?.task = task }
    }

    /// Called with the last byte of a response taken by the socket.
    func responseEnded(_ id: UInt64) {
        guard phase == .exchange, exchange?.id == id else { return }
        exchange?.response = .done
        if exchange?.closes == true { linger() } else { process() }
    }

    /// The exchange is over and the next may begin.
    func endExchange() {
        guard var ended = exchange else { return }
        exchange = nil
        since = .now()
        if phase == .exchange { phase = .waiting }
        ended.bodyFault = ended.bodyFault ?? ClientGone()
        ended.wakeReader()
        ended.wakeWriters(.failure(ClientGone()))
        ended.task?.cancel()
    }

    // MARK: ends

    /// Closes our side and waits for the client to close its own: closing with unread bytes would reset the connection
    /// and could take the response with it. Called when all that was written is with the kernel.
    func linger() {
        phase = .lingering
        endExchange()
        since = .now()
        input.clear()
        if inputEnded { close() } else { context?.close(mode: .output, promise: nil) }
        resumeReading()
    }

    func close() { context?.close(promise: nil) }

    /// No new requests here; one under way may end. Who has just connected is answered: its request may be in the
    /// socket already, unread, and closing now would reset the connection, with nobody there yet to retry at.
    func drain() {
        switch phase {
        case .waiting: if isSettled(for: age(.now())) { close() }
        case .exchange: exchange?.closes = true
        case .lingering, .closed: break
        }
    }

    /// How long the phase lasts.
    private func age(_ now: NIODeadline) -> Duration { .nanoseconds((now - since).nanoseconds) }

    /// A request has begun, or is to be expected at once.
    private var isArriving: Bool { served == 0 || parser.isUnderWay }

    private func isSettled(for age: Duration) -> Bool { !isArriving || age > limits.arrivalTimeout }

    /// Ends what has taken too long. Called every now and then.
    func check(_ now: NIODeadline) {
        let age = age(now)
        switch phase {
        case .waiting:
            if worker.isDraining, isSettled(for: age) { return close() }
            guard age > (isArriving ? limits.headerTimeout : limits.idleTimeout) else { return }
            if parser.isUnderWay { refuse(Refusal(408, "the request's head did not come in time")) } else { close() }
        case .exchange:
            if hasMoved() { since = now } else if age > limits.stallTimeout { close() }
        case .lingering:
            if age > limits.lingerTimeout { close() }
        case .closed: break
        }
    }

    /// Whether the client took or sent anything since the last look, or nothing was expected of it.
    private func hasMoved() -> Bool {
        let before = seen
        seen = (written, unsentBytes())
        return seen != before || (seen.unsent == 0 && exchange?.reader == nil)
    }

    private func unsentBytes() -> Int {
        do { return try context?.channel.syncOptions?.getOption(.bufferedWritableBytes) ?? 0 } catch { return 0 }
    }

    // MARK: reading

    /// Reads on unless enough is waiting to be used. Reading goes on while a handler works: so its client is seen to
    /// leave.
    func resumeReading() {
        guard !isReading, wantsMore, let context else { return }
        isReading = true
        context.read()
    }

    private var wantsMore: Bool {
        if inputEnded { return false }
        switch phase {
        case .waiting, .lingering: return true
        case .exchange: return (exchange?.buffered ?? 0) + input.readableBytes < limits.bodyBufferBytes
        case .closed: return false
        }
    }

    /// Runs on the loop: now when this is its thread, else soon.
    func onLoop(_ body: @escaping @Sendable () -> Void) {
        if loop.inEventLoop { body() } else { loop.execute(body) }
    }
}
