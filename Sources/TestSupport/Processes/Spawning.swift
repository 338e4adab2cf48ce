// Processes: the real counterparts a test talks to, and how to run them: started with posix_spawn, in a process group
// of their own, always reaped, and gone when the test is.

internal import FoundationEssentials
internal import Glibc
internal import Keyring

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

/// Starts `path`, as ``Spawning`` starts programs.
func spawn(_ path: String, _ arguments: [String], environment: [String: String]?) throws -> (pid_t, ChildPipes) {
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
        let pid = try Spawning.start(path, arguments, environment: environment, standard: theirs)
        for descriptor in [ours.input, ours.output, ours.errors] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        return (pid, ours)
    } catch {
        [ours.input, ours.output, ours.errors].forEach { _ = close($0) }
        throw StandInError.process(path, reason: "cannot be started: \(error.reason)")
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
