internal import CCurl
internal import Coordination

/// libcurl wants this once, before its first use; this build of it is safe to initialise beside running threads.
private let isInitialised = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

/// The HTTP client: libcurl's multi interface on a thread of its own, which is this actor's executor.
///
/// Connections are kept and used again. A connection carries one transfer at a time, with HTTP/2 too: streams sharing a
/// connection share its congestion window, a stream paused by its sink holds up its neighbours, and libcurl 7.88 leaks
/// or stalls such streams (curl issues 10971 and 10988). So nothing ever waits for another transfer's handshake either
/// (no PIPEWAIT); what bounds connections is the two limits given here, and beyond them requests wait their turn.
///
/// A client that is let go ends its thread by itself; ``shutdown()`` also ends what is running and waits for the
/// thread.
public actor CurlClient: HTTPClient {
    /// Handles kept for the next request; each costs some kilobytes while idle.
    private static let maximumIdleHandles = 32

    private let thread: CurlThread
    private let userAgent: String
    private var transfers: [UInt64: Transfer] = [:]
    private var idle: [EasyHandle] = []
    private var lastID: UInt64 = 0
    private var isClosed = false

    /// The curl thread. For the runtime.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Makes a client with at most `maximumConnections` connections open at once, of these `perHost` to one host and
    /// port. `userAgent` is sent with every request that does not bring its own.
    public init(maximumConnections: Int = 64, perHost: Int = 32, userAgent: String) {
        let isReady = isInitialised
        thread = CurlThread()
        self.userAgent = userAgent
        isClosed = !isReady
        if let multi = thread.multi {
            ccurl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, maximumConnections)
            ccurl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, perHost)
            ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, maximumConnections)
            ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        }
        // Weak, for the thread must not keep alive the client whose end is to end it.
        thread.attach { [weak self] in self?.assumeIsolated { $0.turn() } }
    }

    deinit {
        thread.stop()
    }

    public func perform(_ request: HTTPRequest, into sink: any ByteSink) async throws -> HTTPResponseHead {
        try Task.checkCancellation()
        guard !isClosed else { throw TransportError.shutDown }
        let target = try Target(request)
        guard let handle = idle.popLast() ?? EasyHandle() else {
            throw TransportError.internalFailure(reason: "out of memory")
        }
        lastID += 1
        let id = lastID
        let flow = Flow { [thread] in thread.post(.resume(id)) }
        let transfer = Transfer(id: id, target: target, request: request, handle: handle, sink: sink, flow: flow)
        try transfer.configure(userAgent: userAgent)
        // A cancellation posted before `start` is read after it, for signals are read between jobs.
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { start(transfer, $0) }
        } onCancel: {
            thread.post(.cancel(id))
        }
    }

    /// Ends every transfer with ``TransportError/shutDown``, then the thread; requests made later get the same error.
    /// Returns when connections, handles and thread are gone.
    public nonisolated func shutdown() async {
        await close()
        await thread.ended()
    }

    private func close() {
        isClosed = true
        for id in transfers.keys { finish(id, .failure(TransportError.shutDown)) }
        idle = []
        thread.stop()
    }

    private func start(_ transfer: Transfer, _ continuation: CheckedContinuation<HTTPResponseHead, any Error>) {
        guard let multi = thread.multi, curl_multi_add_handle(multi, transfer.handle.raw) == CURLM_OK else {
            continuation.resume(throwing: TransportError.internalFailure(reason: "libcurl took no more transfers"))
            return
        }
        transfer.continuation = continuation
        transfers[transfer.id] = transfer
    }

    /// libcurl's turn on the thread: what was asked from elsewhere, what the sockets bring, what has ended.
    private func turn() {
        guard let multi = thread.multi, !isClosed else { return }
        for signal in thread.takeSignals() {
            switch signal {
            case .cancel(let id): finish(id, .failure(CancellationError()))
            case .resume(let id): resume(id)
            }
        }
        var running: Int32 = 0
        curl_multi_perform(multi, &running)
        for (id, code) in ended(multi) {
            guard let transfer = transfers[id] else { continue }
            finish(id, transfer.outcome(code))
        }
    }

    /// The IDs of transfers that ended and how; read to the end first, for removing a handle frees its message.
    private func ended(_ multi: UnsafeMutableRawPointer) -> [(id: UInt64, code: CURLcode)] {
        var ended: [(id: UInt64, code: CURLcode)] = []
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else { continue }
            var id: UnsafeMutablePointer<CChar>?
            guard ccurl_get_string(handle, CURLINFO_PRIVATE, &id) == CURLE_OK else { continue }
            ended.append((UInt64(UInt(bitPattern: id)), message.pointee.data.result))
        }
        return ended
    }

    private func resume(_ id: UInt64) {
        guard let transfer = transfers[id], transfer.isPaused else { return }
        transfer.isPaused = false
        // Shows the sink the bytes it refused, at once; what goes wrong there, no message tells.
        let code = curl_easy_pause(transfer.handle.raw, CURLPAUSE_CONT)
        if code != CURLE_OK { finish(id, transfer.outcome(code)) }
    }

    /// The one place where a transfer ends: out of the multi handle, handle put away, caller resumed.
    private func finish(_ id: UInt64, _ outcome: Result<HTTPResponseHead, any Error>) {
        guard let transfer = transfers.removeValue(forKey: id) else { return }
        if let multi = thread.multi { curl_multi_remove_handle(multi, transfer.handle.raw) }
        if case .success = outcome { put(transfer.handle) } else { transfer.handle.reset() }
        transfer.continuation?.resume(with: outcome)
        transfer.continuation = nil
    }

    /// Only for handles without a failure behind them: libcurl's last error number outlives a reset.
    private func put(_ handle: EasyHandle) {
        handle.reset()
        if idle.count < Self.maximumIdleHandles && !isClosed { idle.append(handle) }
    }
}
