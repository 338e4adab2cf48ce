internal import CCurl
internal import Coordination
internal import Glibc
internal import Synchronization

/// The thread a multi handle lives on, as the executor of the one actor that owns it.
///
/// It starts with the first job and ends after `stop`, freeing the multi handle. A job that comes later still runs, on
/// a thread started for it: nobody who awaits the actor is ever left waiting.
final class CurlThread: SerialExecutor {
    /// What other threads may ask of a transfer, by its ID.
    enum Signal: Sendable {
        case cancel(UInt64)
        case resume(UInt64)
    }

    private struct State {
        var jobs: [UnownedJob] = []
        var signals: [Signal] = []
        var waiters: [CheckedContinuation<Void, Never>] = []
        var turn: (@Sendable () -> Void)?
        var isRunning = false
        var isStopping = false
        /// Whether the multi handle may be touched.
        var isOpen = true
    }

    private struct Round {
        let jobs: [UnownedJob]
        let turn: (@Sendable () -> Void)?
    }

    /// INVARIANT (unsafe): never reassigned. Set up by the owner before its first job; from then on, off this thread,
    /// it is given to `curl_multi_wakeup` only, under the lock and while `isOpen`. Freed once: by the thread when it
    /// clears `isOpen`, or in `deinit`.
    nonisolated(unsafe) let multi: UnsafeMutableRawPointer?
    private let state = Locked(State())
    private let identity = Atomic<UInt>(0)

    init() {
        multi = curl_multi_init()
    }

    deinit {
        // The thread holds a reference while it runs, so none is running.
        if state.withLock({ $0.isOpen }) { curl_multi_cleanup(multi) }
    }

    /// Sets what is done between jobs: libcurl's work. Before the first job.
    func attach(turn: @escaping @Sendable () -> Void) {
        state.withLock { $0.turn = turn }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustStart = state.withLock { state in
            state.jobs.append(job)
            defer { state.isRunning = true }
            if state.isRunning { wake(state) }
            return !state.isRunning
        }
        if mustStart { start() }
    }

    /// From any thread. Of no effect after `stop`.
    func post(_ signal: Signal) {
        state.withLock { state in
            guard state.isRunning && !state.isStopping else { return }
            state.signals.append(signal)
            wake(state)
        }
    }

    func takeSignals() -> [Signal] {
        state.withLock { state in
            defer { state.signals = [] }
            return state.signals
        }
    }

    /// Ends the thread when the jobs given so far are done. The owner has freed every easy handle.
    func stop() {
        state.withLock { state in
            state.isStopping = true
            wake(state)
        }
    }

    /// Returns when the thread has freed the multi handle.
    func ended() async {
        await withCheckedContinuation { continuation in
            let isRunning = state.withLock { state in
                if state.isRunning { state.waiters.append(continuation) }
                return state.isRunning
            }
            if !isRunning { continuation.resume() }
        }
    }

    func checkIsolated() {
        precondition(isCurrent, "called off the curl thread")
    }

    func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private var isCurrent: Bool { identity.load(ordering: .relaxed) == UInt(pthread_self()) }

    private func wake(_ state: borrowing State) {
        if state.isOpen { curl_multi_wakeup(multi) }
    }

    private func start() {
        var thread = pthread_t()
        // INVARIANT: balanced by the thread's `takeRetainedValue`.
        let context = Unmanaged.passRetained(self).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { context in
                // INVARIANT: the one place that takes the reference back.
                if let context { Unmanaged<CurlThread>.fromOpaque(context).takeRetainedValue().live() }
                return nil
            }, context)
        precondition(status == 0, "the machine allows no more threads")
        pthread_detach(thread)
    }

    private func live() {
        blockSignals()
        takeName()
        var waiters: [CheckedContinuation<Void, Never>]?
        repeat {
            identity.store(UInt(pthread_self()), ordering: .relaxed)
            while let round = next() { run(round) }
            freeMulti()
            // Before leaving, for then another thread may be the executor.
            identity.store(0, ordering: .relaxed)
            waiters = leave()
        } while waiters == nil
        for waiter in waiters ?? [] { waiter.resume() }
    }

    private func run(_ round: Round) {
        for job in round.jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
        guard let turn = round.turn else { return }
        turn()
        // libcurl shortens the wait to its own timers; everything else comes with a wake-up.
        if curl_multi_poll(multi, nil, 0, 60_000, nil) != CURLM_OK { poll(nil, 0, 10) }
    }

    /// The next jobs, and libcurl's work unless that is over; `nil` when all is over.
    private func next() -> Round? {
        state.withLock { state in
            guard !state.isStopping || !state.jobs.isEmpty else { return nil }
            defer { state.jobs = [] }
            return Round(jobs: state.jobs, turn: state.isStopping ? nil : state.turn)
        }
    }

    private func freeMulti() {
        let mustFree = state.withLock { state in
            defer { state.isOpen = false }
            return state.isOpen
        }
        if mustFree { curl_multi_cleanup(multi) }
    }

    /// Ends this thread's time as the executor, unless jobs came meanwhile: then `nil`.
    private func leave() -> [CheckedContinuation<Void, Never>]? {
        state.withLock { state in
            guard state.jobs.isEmpty else { return nil }
            state.isRunning = false
            defer { state.waiters = [] }
            return state.waiters
        }
    }
}

/// No signal handler of the process runs here, and a peer that has gone is an error code: OpenSSL writes to sockets
/// without `MSG_NOSIGNAL`, and libcurl under NOSIGNAL leaves SIGPIPE alone. Faults of our own code stay deadly.
private func blockSignals() {
    var signals = sigset_t()
    sigfillset(&signals)
    for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS] { sigdelset(&signals, fault) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
}

/// For `top -H` and debuggers. Through the file, for the function is hidden from Swift; a thread without its name works
/// as well, so a failure is not looked at.
private func takeName() {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    let name = Array("curl".utf8)
    _ = write(file, name, name.count)
    close(file)
}
