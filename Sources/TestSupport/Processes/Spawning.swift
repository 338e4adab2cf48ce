// Processes: the real counterparts a test talks to, and how to run them: started with posix_spawn, in a process group
// of their own, always reaped, and gone when the test is.

internal import Coordination
internal import FoundationEssentials
internal import Glibc

/// The absolute path of an executable on `PATH`; `nil` when there is none of that name.
public func which(_ tool: String) -> String? {
    if tool.contains("/") { return access(tool, X_OK) == 0 ? tool : nil }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    return path.split(separator: ":").map { "\($0)/\(tool)" }.first { access($0, X_OK) == 0 }
}

/// The three descriptors of a child, as the parent holds them: what it reads as 0, writes to 1 and 2.
struct ChildPipes {
    var input: Int32
    var output: Int32
    var errors: Int32
}

/// Held while descriptors exist that a child must not inherit and that are not marked so yet: a child of another thread
/// that held the end of a pipe would keep its reader waiting.
private let spawning = Locked(())

/// Starts `path`; the child leads a process group, has an empty signal mask and default signal handlers.
func spawn(_ path: String, _ arguments: [String], environment: [String: String]?) throws -> (pid_t, ChildPipes) {
    try spawning.withLock { _ in try spawnAlone(path, arguments, environment: environment) }
}

private func spawnAlone(
    _ path: String, _ arguments: [String], environment: [String: String]?
) throws -> (pid_t, ChildPipes) {
    var input: [Int32] = [-1, -1]
    var output: [Int32] = [-1, -1]
    var errors: [Int32] = [-1, -1]
    guard pipe(&input) == 0, pipe(&output) == 0, pipe(&errors) == 0 else {
        let code = errno
        (input + output + errors).filter { $0 >= 0 }.forEach { _ = close($0) }
        throw StandInError.process(path, reason: "no pipe, errno \(code)")
    }
    for descriptor in input + output + errors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    let ours = ChildPipes(input: input[1], output: output[0], errors: errors[0])
    let theirs = [input[0], output[1], errors[1]]
    defer { theirs.forEach { _ = close($0) } }
    do {
        let pid = try spawn(path, arguments, environment: environment, descriptors: theirs)
        for descriptor in [ours.input, ours.output, ours.errors] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        return (pid, ours)
    } catch {
        [ours.input, ours.output, ours.errors].forEach { _ = close($0) }
        throw error
    }
}

private func spawn(
    _ path: String, _ arguments: [String], environment: [String: String]?, descriptors: [Int32]
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in descriptors.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    for descriptor in try inheritable() { posix_spawn_file_actions_addclose(&actions, descriptor) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setpgroup(&attributes, 0)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))
    let variables = (environment ?? ProcessInfo.processInfo.environment).map { "\($0.key)=\($0.value)" }
    var pid: pid_t = 0
    let code = withCStrings([path] + arguments) { words in
        withCStrings(variables) { posix_spawn(&pid, path, &actions, &attributes, words, $0) }
    }
    guard code == 0 else { throw StandInError.process(path, reason: "cannot be started, errno \(code)") }
    return pid
}

/// The descriptors a child must close. NIO's sockets are not marked close-on-exec: a connection or listener closed here
/// would stay open in a child. Those that other threads may open meanwhile have the next free numbers.
private func inheritable() throws -> ClosedRange<Int32> {
    let open = try Files.list("/proc/self/fd").compactMap { Int32($0) }
    return 3...((open.max() ?? 3) + 256)
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    // INVARIANT: the copies are freed after `body` has returned; posix_spawn keeps none of its arguments.
    let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { copies.forEach { free($0) } }
    return copies.withUnsafeBufferPointer { buffer in
        withUnsafePointer(to: Optional<UnsafeMutablePointer<CChar>>.none) { body(buffer.baseAddress ?? $0) }
    }
}

/// Runs `body` on a thread of its own: for what blocks, which the concurrency pool's two threads must not.
func detachThread(_ body: @escaping @Sendable () -> Void) throws {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    // INVARIANT: retained here once, and released once: by the thread, or below when there is no thread.
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { argument in
            // INVARIANT: the thread's end of what is said above.
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, box.toOpaque())
    guard code == 0 else {
        box.release()
        throw StandInError.process("thread", reason: "cannot be started, errno \(code)")
    }
    pthread_detach(thread)
}
