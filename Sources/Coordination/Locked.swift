// Coordination: things that make tasks wait for one another. No word of images, registries or disks in here.

#if TSAN
    internal import Glibc

    /// A value behind a lock: the only way to it is `withLock`.
    ///
    /// Under ThreadSanitizer a pthread mutex, which the sanitizer understands; it reports false races on `Mutex` on
    /// Linux.
    ///
    /// INVARIANT (unchecked): `value` is read and written between lock and unlock of `mutex` only.
    public final class Locked<Value>: @unchecked Sendable {
        private var value: Value
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>

        /// Puts `value` behind the lock; nobody else may refer to it.
        public init(_ value: sending Value) {
            self.value = value
            mutex = .allocate(capacity: 1)
            pthread_mutex_init(mutex, nil)
        }

        deinit {
            pthread_mutex_destroy(mutex)
            mutex.deallocate()
        }

        /// Runs `body` alone. Keep it short, and call nothing in it that could take the lock again.
        public func withLock<Result, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return try body(&value)
        }
    }
#else
    internal import Synchronization

    /// A value behind a lock: the only way to it is `withLock`.
    ///
    /// For state that a C callback writes, or whose critical section is microseconds. Never held across an `await`.
    public final class Locked<Value>: Sendable {
        private let mutex: Mutex<Value>

        /// Puts `value` behind the lock; nobody else may refer to it.
        public init(_ value: sending Value) { mutex = Mutex(value) }

        /// Runs `body` alone. Keep it short, and call nothing in it that could take the lock again.
        public func withLock<Result, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            try mutex.withLock(body)
        }
    }
#endif
