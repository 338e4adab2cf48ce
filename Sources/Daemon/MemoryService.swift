internal import CMemory
internal import Glibc
internal import ServiceLifecycle

/// Keeps the daemon small between two bursts of work, in the eyes of `systemctl status` and of `MemoryMax=`.
///
/// Starting touches 40 MB of code that serving does not need, and a large pull leaves buffers in the heap. Both are
/// given back when the daemon has become quiet after work.
struct MemoryService: Service {
    /// How often it is looked whether the daemon has become quiet.
    static let interval: Duration = .seconds(5)
    /// Processor time, of an interval, up to which the daemon counts as quiet: one per cent.
    private static let quiet: Duration = .milliseconds(50)

    /// Before the first thread.
    static func bound() { cmemory_bound() }

    /// From any thread, at any time; milliseconds.
    static func giveBack() { cmemory_give_back() }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var last = Self.used()
            var hasWorked = false
            while true {
                do { try await Task.sleep(for: Self.interval) } catch { return }
                let used = Self.used()
                let isQuiet = used - last <= Self.quiet
                if isQuiet, hasWorked { Self.giveBack() }
                hasWorked = !isQuiet
                last = Self.used()
            }
        }
    }

    /// Processor time of all threads so far.
    private static func used() -> Duration {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(.zero) { sum, time in
            sum + .seconds(time.tv_sec) + .microseconds(time.tv_usec)
        }
    }
}
