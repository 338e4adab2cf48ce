internal import Glibc
internal import Transport

/// Accepts until the listener is shut down; each connection gets a thread.
func acceptAll(
    _ listener: Int32, _ state: Watched<ScriptedServer.State>,
    _ answer: @escaping @Sendable (RecordedRequest) -> [ScriptedServer.Step]
) {
    while true {
        let descriptor = accept(listener, nil, nil)
        if descriptor < 0 && (errno == EINTR || errno == ECONNABORTED) { continue }
        guard descriptor >= 0 else { return }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let number: Int? = state.update { state in
            guard !state.isStopped else { return nil }
            state.accepted += 1
            state.open.insert(descriptor)
            return state.accepted
        }
        guard let number else {
            close(descriptor)
            return
        }
        let connection = ScriptedConnection(descriptor: descriptor, number: number, state: state, answer: answer)
        do {
            try detachThread { connection.serve() }
        } catch {
            connection.leave()
        }
    }
}

/// POLLRDHUP, a GNU extension that Swift does not see.
private let peerHasShut: Int16 = 0x2000

/// One connection, on its thread.
struct ScriptedConnection: Sendable {
    private enum Outcome { case goOn, end }

    let descriptor: Int32
    let number: Int
    let state: Watched<ScriptedServer.State>
    let answer: @Sendable (RecordedRequest) -> [ScriptedServer.Step]

    func serve() {
        defer { leave() }
        var buffer: [UInt8] = []
        while let request = readRequest(&buffer) {
            state.update { $0.requests.append(request) }
            for step in answer(request) {
                guard run(step) == .goOn else { return }
            }
        }
    }

    func leave() {
        // Out of the set first: afterwards the number may be another connection's.
        state.update { state in
            state.open.remove(descriptor)
            close(descriptor)
        }
    }

    private func run(_ step: ScriptedServer.Step) -> Outcome {
        switch step {
        case .send(let bytes):
            return send(bytes[...])
        case .drip(let bytes, let piece, let pause):
            return drip(bytes, piece, pause)
        case .flood(let bytes, let times):
            for _ in 0..<times {
                guard send(bytes[...]) == .goOn else { return .end }
            }
            return .goOn
        case .stop(let checkpoint):
            checkpoint.visit()
            while !checkpoint.isPassable {
                if hasLeft(within: .milliseconds(2)) { return .end }
            }
            return .goOn
        case .finish:
            return .end
        case .reset:
            var hard = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
            return .end
        }
    }

    private func drip(_ bytes: [UInt8], _ piece: Int, _ pause: Duration) -> Outcome {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard send(rest.prefix(piece)) == .goOn, !hasLeft(within: pause) else { return .end }
            rest = rest.dropFirst(piece)
        }
        return .goOn
    }

    /// Waits that long, unless the other side leaves before.
    private func hasLeft(within duration: Duration) -> Bool {
        var watched = pollfd(fd: descriptor, events: peerHasShut, revents: 0)
        let (seconds, attoseconds) = duration.components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        return poll(&watched, 1, Int32(clamping: milliseconds)) > 0
    }

    private func send(_ bytes: ArraySlice<UInt8>) -> Outcome {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return .end }
            state.update { $0.sent += Int64(count) }
            rest = rest.dropFirst(count)
        }
        return .goOn
    }

    /// The next request, or `nil` at the end of the connection.
    private func readRequest(_ buffer: inout [UInt8]) -> RecordedRequest? {
        let blank = Array("\r\n\r\n".utf8)
        var end: Int?
        while end == nil {
            end = buffer.indices.first { buffer[$0...].starts(with: blank) }
            if end == nil && !readMore(&buffer) { return nil }
        }
        guard let end else { return nil }
        let lines = String(decoding: buffer[..<end], as: UTF8.self).split(separator: "\r\n")
        buffer.removeFirst(end + blank.count)
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count == 3 else { return nil }
        var headers = HTTPHeaders()
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            let value = parts.count == 2 ? parts[1].drop { $0 == " " } : ""
            headers.add(String(parts.first ?? ""), String(value))
        }
        let length = headers.first("Content-Length").flatMap { Int($0) } ?? 0
        while buffer.count < length {
            guard readMore(&buffer) else { return nil }
        }
        let body = Array(buffer.prefix(length))
        buffer.removeFirst(length)
        return RecordedRequest(
            method: String(words[0]), target: String(words[1]), headers: headers, body: body, connection: number)
    }

    private func readMore(_ buffer: inout [UInt8]) -> Bool {
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &piece, piece.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            buffer += piece[..<count]
            return true
        }
    }
}
