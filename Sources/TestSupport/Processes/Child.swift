internal import Coordination
internal import Glibc

/// A child under the eye of its supervising thread, which moves bytes, reaps it and closes its pipes.
final class Child: Sendable {
    private struct Hold {
        /// False once reaped: the number may then belong to another process.
        var isAlive = true
        var input: Int32
        var pending: [UInt8]
        var keepsInputOpen: Bool
    }

    let state = Watched(ProcessState())
    private let pid: pid_t
    private let output: Int32
    private let errors: Int32
    private let hold: Locked<Hold>

    init(pid: pid_t, pipes: ChildPipes, stdin: [UInt8], keepsInputOpen: Bool) {
        self.pid = pid
        output = pipes.output
        errors = pipes.errors
        hold = Locked(Hold(input: pipes.input, pending: stdin, keepsInputOpen: keepsInputOpen))
    }

    func signal(_ number: Int32) {
        hold.withLock { if $0.isAlive { _ = kill(-pid, number) } }
    }

    func closeInput() { hold.withLock { $0.keepsInputOpen = false } }

    /// The supervising thread's life: until the child is reaped and its output taken.
    func supervise() {
        var mask = sigset_t()
        sigemptyset(&mask)
        sigaddset(&mask, SIGPIPE)  // a child that does not read its input must not kill us
        pthread_sigmask(SIG_BLOCK, &mask, nil)
        var open = (output: true, errors: true)
        var status: Int32?
        while status == nil {
            wait(open)
            feed()
            open.output = open.output && take(output, into: \.output)
            open.errors = open.errors && take(errors, into: \.errors)
            status = reap()
        }
        // What it wrote last is in the pipes; grandchildren that hold them open are not waited for.
        if open.output { _ = take(output, into: \.output) }
        if open.errors { _ = take(errors, into: \.errors) }
        closeAll()
        let final = status
        state.update { $0.status = final }
    }

    private func wait(_ open: (output: Bool, errors: Bool)) {
        var watched: [pollfd] = []
        if open.output { watched.append(pollfd(fd: output, events: Int16(POLLIN), revents: 0)) }
        if open.errors { watched.append(pollfd(fd: errors, events: Int16(POLLIN), revents: 0)) }
        let input = hold.withLock { $0.input >= 0 && !$0.pending.isEmpty ? $0.input : -1 }
        if input >= 0 { watched.append(pollfd(fd: input, events: Int16(POLLOUT), revents: 0)) }
        // The end of a child cannot be polled for; it closes its pipes a moment before it can be reaped.
        let milliseconds: Int32 = open.output || open.errors ? 20 : 1
        poll(&watched, nfds_t(watched.count), milliseconds)
    }

    private func feed() {
        hold.withLock { hold in
            guard hold.input >= 0 else { return }
            let count = hold.pending.isEmpty ? 0 : write(hold.input, hold.pending, hold.pending.count)
            if count > 0 { hold.pending.removeFirst(count) }
            if count < 0 && errno != EAGAIN && errno != EINTR { hold.pending = [] }
            if hold.pending.isEmpty && !hold.keepsInputOpen {
                close(hold.input)
                hold.input = -1
            }
        }
    }

    /// Takes what is there; false at the end.
    private func take(_ descriptor: Int32, into part: any WritableKeyPath<ProcessState, [UInt8]> & Sendable) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 { return errno == EAGAIN || errno == EINTR }
            if count == 0 { return false }
            let piece = Array(buffer[..<count])
            state.update { $0[keyPath: part] += piece }
        }
    }

    private func reap() -> Int32? {
        hold.withLock { hold in
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) != 0 else { return nil }
            hold.isAlive = false
            let number = status & 0x7f
            return number == 0 ? status >> 8 & 0xff : 128 + number
        }
    }

    private func closeAll() {
        hold.withLock { hold in
            if hold.input >= 0 { close(hold.input) }
            hold.input = -1
        }
        close(output)
        close(errors)
    }
}
