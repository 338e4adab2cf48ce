internal import Coordination
internal import Glibc

/// A program that ends by itself: what it gets on its standard input and what it says on its standard output.
public struct HelperProcess: Sendable {
    /// What is kept of what it says.
    public enum Hearing: Sendable {
        /// All of its standard output, and it is ended when that is too long. Its standard error goes nowhere, for
        /// helpers have been seen to print secrets there.
        case answer
        /// The end of its standard output and error: it may talk as much as it likes.
        case talk
    }

    /// How a program ended.
    public struct End: Sendable {
        /// The exit status, or 128 and the signal.
        public var status: Int32
        /// All it said.
        public var output: [UInt8]

        public init(status: Int32, output: [UInt8]) {
            self.status = status
            self.output = output
        }
    }

    /// What became of it.
    public enum Outcome: Sendable {
        case ended(End)
        /// There is no such program.
        case absent
        case tooSlow
        case tooMuch
        case broken(String)
    }

    let program: String
    let arguments: [String]
    let input: [UInt8]
    let hearing: Hearing

    /// - Parameter program: a path, or a name that is looked up on `PATH`.
    public init(program: String, arguments: [String], input: [UInt8] = [], hearing: Hearing = .answer) {
        self.hearing = hearing
        self.program = program
        self.arguments = arguments
        self.input = input
    }

    /// Runs it to its end, or until `patience` is over, it has said more than `limit` bytes, or the task is cancelled;
    /// then its whole process group is killed. It holds up a thread of its own and no other.
    public func run(patience: Duration, limit: Int) async -> Outcome {
        let isUnwanted = Locked(false)
        return await withTaskCancellationHandler {
            await HelperThread().run(self, patience: patience, limit: limit) { isUnwanted.withLock { $0 } }
        } onCancel: {
            isUnwanted.withLock { $0 = true }
        }
    }
}

/// A thread for one program.
private actor HelperThread {
    nonisolated private let executor = ThreadExecutor(name: "helper")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func run(
        _ process: HelperProcess, patience: Duration, limit: Int, isUnwanted: () -> Bool
    ) -> HelperProcess.Outcome {
        let end = ContinuousClock.now + patience
        let child: HelperChild
        do { child = try HelperChild(process) } catch {
            return error == .absent ? .absent : .broken(error.reason)
        }
        defer { child.close() }
        return child.supervise(process, until: end, limit: limit, isUnwanted: isUnwanted)
    }
}

/// A running child and our ends of its standard input and output. They are sockets, for writing to one that nobody
/// reads can be made to raise no signal.
private struct HelperChild {
    private let pid: pid_t
    private let input: Int32
    private let output: Int32

    init(_ process: HelperProcess) throws(Spawning.Failure) {
        let (ourInput, theirInput) = try HelperChild.pair()
        let ourOutput: Int32, theirOutput: Int32
        do { (ourOutput, theirOutput) = try HelperChild.pair() } catch {
            for descriptor in [ourInput, theirInput] { _ = Glibc.close(descriptor) }
            throw error
        }
        defer { for descriptor in [theirInput, theirOutput] { _ = Glibc.close(descriptor) } }
        do {
            let errors = process.hearing == .talk ? theirOutput : Spawning.nowhere
            pid = try Spawning.start(
                process.program, process.arguments, standard: [theirInput, theirOutput, errors])
        } catch {
            for descriptor in [ourInput, ourOutput] { _ = Glibc.close(descriptor) }
            throw error
        }
        (input, output) = (ourInput, ourOutput)
    }

    func close() { for descriptor in [input, output] { _ = Glibc.close(descriptor) } }

    func supervise(
        _ process: HelperProcess, until end: ContinuousClock.Instant, limit: Int, isUnwanted: () -> Bool
    ) -> HelperProcess.Outcome {
        var pending = process.input[...]
        var said: [UInt8] = []
        var isOpen = true
        defer { endAll() }
        while true {
            feed(&pending)
            if isOpen { isOpen = take(into: &said) }
            if process.hearing == .talk { said.removeFirst(max(0, said.count - limit)) }
            guard said.count <= limit else { return .tooMuch }
            // What it started may hold its output open; its own end is what counts.
            if hasEnded() {
                if isOpen { _ = take(into: &said) }
                if process.hearing == .talk { said.removeFirst(max(0, said.count - limit)) }
                return said.count <= limit ? .ended(.init(status: reap(), output: said)) : .tooMuch
            }
            guard ContinuousClock.now < end else { return .tooSlow }
            guard !isUnwanted() else { return .broken("it is not wanted any more") }
            // The end of a child cannot be polled for; it closes its output a moment before it can be reaped.
            var watched = pollfd(fd: isOpen ? output : -1, events: Int16(POLLIN), revents: 0)
            poll(&watched, 1, isOpen ? 10 : 1)
        }
    }

    private func feed(_ pending: inout ArraySlice<UInt8>) {
        guard !pending.isEmpty else { return }
        let count = pending.withUnsafeBytes {
            send(input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        if count > 0 { pending = pending.dropFirst(count) }
        if count < 0, errno != EAGAIN, errno != EINTR { pending = [] }
        if pending.isEmpty { shutdown(input, Int32(SHUT_WR)) }
    }

    /// Takes what is there, no more than a megabyte at a time; false at the end.
    private func take(into bytes: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        for _ in 0..<64 {
            let count = recv(output, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0 { return errno == EAGAIN || errno == EINTR }
            if count == 0 { return false }
            bytes += buffer[..<count]
        }
        return true
    }

    /// Leaves the child a zombie, so that its number, which is its group's, goes to nobody else.
    private func hasEnded() -> Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo != 0
    }

    private func reap() -> Int32 {
        kill(-pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? status >> 8 & 0xff : 128 + signal
    }

    private func endAll() {
        // Reaped already, unless it was given up on; then the group dies with it.
        var info = siginfo_t()
        guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else { return }
        _ = reap()
    }

    private static func pair() throws(Spawning.Failure) -> (ours: Int32, theirs: Int32) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw .system(errno) }
        return (ends[0], ends[1])
    }
}
