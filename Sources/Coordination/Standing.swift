#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Waits on this thread for what a task comes to. For code that cannot suspend, such as a parser's callback, on a
/// thread of its own; never on one that tasks share, for the work needs those to go on.
/// - Throws: what `work` throws.
public func standing<Value: Sendable>(for work: @escaping @Sendable () async throws -> Value) throws -> Value {
    let done = Signal()
    let outcome = Locked<Result<Value, any Error>>(.failure(CancellationError()))
    Task.detached {
        do {
            let value = try await work()
            outcome.withLock { $0 = .success(value) }
        } catch { outcome.withLock { $0 = .failure(error) } }
        done.give()
    }
    done.wait()
    return try outcome.withLock { $0 }.get()
}

/// What one thread waits for and another gives, once.
///
/// INVARIANT (`@unchecked Sendable`): `isGiven` is read and written between lock and unlock of `mutex` only; `mutex`
/// and `given` are allocated once, and freed when nobody refers to the signal.
private final class Signal: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let given: UnsafeMutablePointer<pthread_cond_t>
    private var isGiven = false

    init() {
        mutex = .allocate(capacity: 1)
        given = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(given, nil)
    }

    deinit {
        pthread_cond_destroy(given)
        pthread_mutex_destroy(mutex)
        given.deallocate()
        mutex.deallocate()
    }

    func give() {
        pthread_mutex_lock(mutex)
        isGiven = true
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(given)
    }

    func wait() {
        pthread_mutex_lock(mutex)
        while !isGiven { pthread_cond_wait(given, mutex) }
        pthread_mutex_unlock(mutex)
    }
}
