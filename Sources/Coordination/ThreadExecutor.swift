#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// An executor with a thread of its own, for actors whose work blocks (fsync, SQLite) and would otherwise hold one of
/// the few threads that all other tasks share.
///
/// An actor keeps its executor in a `let` and returns `executor.asUnownedSerialExecutor()` from `unownedExecutor`. The
/// thread ends when the executor is released, after the jobs it still has.
public final class ThreadExecutor: SerialExecutor {
    private let loop: JobLoop

    /// - Parameter name: the thread's name as `top -H` shows it, cut at 15 bytes.
    public init(name: String) {
        loop = JobLoop(name: name)
        loop.start()
    }

    deinit { loop.stop() }

    public func enqueue(_ job: consuming ExecutorJob) { loop.enqueue(job) }

    /// The loop stands in for the executor: its thread may hold on to it without keeping this object, whose release is
    /// what ends the thread.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: loop) }

    public func checkIsolated() { loop.checkIsolated() }

    public func isIsolatingCurrentContext() -> Bool? { loop.isIsolatingCurrentContext() }
}

/// A queue of jobs and the thread that runs them one after another.
///
/// INVARIANT (`@unchecked Sendable`): `jobs`, `isStopped` and `thread` are read and written between lock and unlock of
/// `mutex` only; `mutex` and `ready` are allocated once, and freed when neither thread nor executor refers to the loop.
private final class JobLoop: SerialExecutor, @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let ready: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [UnownedJob] = []
    private var isStopped = false
    private var thread: pthread_t?
    private let name: String

    init(name: String) {
        self.name = name
        mutex = .allocate(capacity: 1)
        ready = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(ready, nil)
    }

    deinit {
        pthread_cond_destroy(ready)
        pthread_mutex_destroy(mutex)
        ready.deallocate()
        mutex.deallocate()
    }

    func start() {
        var thread = pthread_t()
        // INVARIANT: the reference taken here is given back by the thread's first statement, exactly once.
        let context = Unmanaged.passRetained(self).toOpaque()
        let failure = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                // INVARIANT: the one place that takes the reference back.
                Unmanaged<JobLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context)
        precondition(failure == 0, "the system gives no more threads (error \(failure))")
        locked { self.thread = thread }
        pthread_detach(thread)
    }

    func stop() {
        locked { isStopped = true }
        pthread_cond_signal(ready)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        locked { jobs.append(job) }
        pthread_cond_signal(ready)
    }

    func isIsolatingCurrentContext() -> Bool? {
        locked { thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    func checkIsolated() {
        precondition(isIsolatingCurrentContext() == true, "called off the executor's thread")
    }

    private func run() {
        takeName()
        while let batch = nextBatch() {
            for job in batch { job.runSynchronously(on: UnownedSerialExecutor(ordinary: self)) }
        }
    }

    /// Through the file, for Glibc's function is a GNU extension that Swift does not see. A thread without its name
    /// works as well, so a failure is not looked at.
    private func takeName() {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(file, bytes, bytes.count)
        close(file)
    }

    /// Waits for jobs; `nil` when there are none and there will be none.
    private func nextBatch() -> [UnownedJob]? {
        locked {
            while jobs.isEmpty, !isStopped { pthread_cond_wait(ready, mutex) }
            defer { jobs = [] }
            return jobs.isEmpty ? nil : jobs
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
