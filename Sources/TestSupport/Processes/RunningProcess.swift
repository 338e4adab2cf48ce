internal import Glibc

/// What a process has done so far.
public struct ProcessState: Sendable {
    /// All it wrote to its standard output.
    public var output: [UInt8] = []
    /// All it wrote to its standard error.
    public var errors: [UInt8] = []
    /// Its exit status once it ended: the code, or 128 and the signal that killed it, as shells count.
    public var status: Int32?

    /// `output` as text.
    public var outputText: String { String(decoding: output, as: UTF8.self) }
    /// `errors` as text.
    public var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// A child process in a process group of its own. It is killed, group and all, when the last reference goes.
public final class RunningProcess: Sendable {
    /// The child's process ID.
    public let pid: Int32
    /// How the child was called, for messages.
    public let name: String
    private let child: Child

    /// Starts `path`; a bare name is looked up on `PATH`.
    /// - Parameters:
    ///   - environment: all of the child's variables; `nil` passes on this process's.
    ///   - stdin: what the child reads from its standard input.
    ///   - keepsInputOpen: the child sees no end of its input until ``closeInput()``.
    /// - Throws: ``StandInError/process(_:reason:)``.
    public init(
        _ path: String, _ arguments: [String] = [], environment: [String: String]? = nil, stdin: [UInt8] = [],
        keepsInputOpen: Bool = false
    ) throws {
        guard let executable = which(path) else { throw StandInError.process(path, reason: "is not installed") }
        let (pid, pipes) = try spawn(executable, arguments, environment: environment)
        let child = Child(pid: pid, pipes: pipes, stdin: stdin, keepsInputOpen: keepsInputOpen)
        self.pid = pid
        self.child = child
        name = path
        try detachThread { child.supervise() }
    }

    deinit { child.signal(SIGKILL) }

    /// What the process has done so far.
    public var state: ProcessState { child.state.value }

    /// Sends a signal to the process group, unless the process has ended.
    public func signal(_ number: Int32) { child.signal(number) }

    /// Ends the child's standard input.
    public func closeInput() { child.closeInput() }

    /// Waits for `condition` on what the process has done, such as a line it prints when it is ready.
    /// - Throws: ``StandInError/timedOut(_:)``; `.process` when it ends before the condition holds.
    public func wait<Result: Sendable>(
        for what: String, timeout: Duration = .seconds(30),
        until condition: @escaping @Sendable (ProcessState) -> Result?
    ) async throws -> Result {
        let result: Result? = try await child.state.wait(for: "\(name): \(what)", timeout: timeout) { state in
            if let result = condition(state) { return .some(result) }
            return state.status == nil ? nil : .some(nil)
        }
        if let result { return result }
        throw StandInError.process(name, reason: "ended before \(what): \(state.errorText.suffix(500))")
    }

    /// Waits for the process's end and returns its exit status.
    /// - Throws: ``StandInError/timedOut(_:)``; the process then runs on.
    public func exit(timeout: Duration = .seconds(30)) async throws -> Int32 {
        try await child.state.wait(for: "the end of \(name)", timeout: timeout) { $0.status }
    }

    /// Asks the process to end (SIGTERM), kills its group when it has not within `grace`, and waits for the end.
    @discardableResult
    public func stop(grace: Duration = .seconds(10)) async throws -> Int32 {
        signal(SIGTERM)
        do { return try await exit(timeout: grace) } catch is StandInError {
            signal(SIGKILL)
            return try await exit()
        }
    }
}

/// What a finished process left.
public struct ProcessResult: Sendable {
    /// The exit code, or 128 and the signal.
    public var status: Int32
    public var stdout: [UInt8]
    public var stderr: [UInt8]

    /// `stdout` as text.
    public var output: String { String(decoding: stdout, as: UTF8.self) }
    /// `stderr` as text.
    public var errors: String { String(decoding: stderr, as: UTF8.self) }
}

/// Runs a command to its end.
///
/// When `timeout` passes or the task is cancelled, the command's whole process group is killed.
/// - Throws: ``StandInError``; `CancellationError`. An exit status other than 0 is no error.
public func runProcess(
    _ path: String, _ arguments: [String], environment: [String: String]? = nil, stdin: [UInt8] = [],
    timeout: Duration = .seconds(60)
) async throws -> ProcessResult {
    let process = try RunningProcess(path, arguments, environment: environment, stdin: stdin)
    do {
        let status = try await process.exit(timeout: timeout)
        return ProcessResult(status: status, stdout: process.state.output, stderr: process.state.errors)
    } catch {
        process.signal(SIGKILL)
        throw error
    }
}

/// As ``runProcess(_:_:environment:stdin:timeout:)``, for commands that have to succeed.
/// - Throws: also ``StandInError/process(_:reason:)`` for any exit status but 0.
@discardableResult
public func runChecked(
    _ path: String, _ arguments: [String], environment: [String: String]? = nil, stdin: [UInt8] = [],
    timeout: Duration = .seconds(60)
) async throws -> ProcessResult {
    let result = try await runProcess(path, arguments, environment: environment, stdin: stdin, timeout: timeout)
    guard result.status == 0 else {
        throw StandInError.process(path, reason: "exit status \(result.status): \(result.errors.suffix(1000))")
    }
    return result
}
