internal import NIOCore
internal import NIOHTTP1

/// Sends one answer over a connection.
struct Delivery: Sendable {
    let answer: Answer
    let channel: any Channel
    /// Opens when the client has left.
    let left: Gate
    let log: RequestLog
    let number: Int
    let cuts: LinkCuts

    /// - Returns: whether the connection may be used further.
    func run(_ pace: inout Pace) async throws -> Bool {
        if answer.delay > .zero { try await Task.sleep(for: answer.delay) }
        if let end = answer.isSilent {
            try await channel.end(end)
            return false
        }
        if let raw = answer.raw {
            try await send(raw)
            return false
        }
        if let incident = answer.incident, incident.after < 0, try await !pass(incident) { return false }
        sendHead()
        if answer.sendsBody, try await !sendBody(&pace) { return false }
        try await channel.writeAndFlush(ResponsePart.end(nil)).get()
        if answer.endsConnection { try await channel.end(.fin) }
        return !answer.endsConnection
    }

    private func sendHead() {
        var head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status), headers: answer.headers)
        if let length = answer.announcedLength {
            head.headers.add(name: "Content-Length", value: "\(length)")
        }
        if answer.endsConnection { head.headers.add(name: "Connection", value: "close") }
        channel.write(ResponsePart.head(head), promise: nil)
        let (number, status) = (number, answer.status)
        log.history.update { $0.change(number) { $0.status = status } }
    }

    /// - Returns: false when the connection has ended.
    private func sendBody(_ pace: inout Pace) async throws -> Bool {
        let length = Int64(answer.range.count)
        var sent: Int64 = 0
        let cutsBefore = cuts.count
        if let incident = answer.incident, incident.after >= 0, incident.after <= length {
            try await send(upTo: incident.after, &sent, &pace)
            channel.flush()
            if try await !pass(incident) { return false }
        }
        try await send(upTo: length, &sent, &pace) { cuts.count == cutsBefore }
        guard sent == length else {
            try await channel.end(.reset)
            return false
        }
        return true
    }

    private func send(
        upTo end: Int64, _ sent: inout Int64, _ pace: inout Pace, while isWhole: () -> Bool = { true }
    ) async throws {
        while sent < end, isWhole() {
            let count = min(Int64(answer.drip?.bytes ?? pace.piece), end - sent)
            let bytes = try answer.source.read(at: answer.range.lowerBound + sent, count: Int(count))
            guard !bytes.isEmpty else { throw StandInError.invalid("a blob is shorter than it said") }
            if let drip = answer.drip, sent > 0 { try await Task.sleep(for: drip.every) }
            try await pace.pass(bytes.count)
            try await send(bytes)
            sent += Int64(bytes.count)
        }
    }

    private func send(_ bytes: [UInt8]) async throws {
        let buffer = channel.allocator.buffer(bytes: bytes)
        try await channel.writeAndFlush(ResponsePart.body(buffer)).get()
        cuts.pass(bytes.count)
        let (number, count) = (number, Int64(bytes.count))
        log.history.update { $0.change(number) { $0.bytesSent += count } }
    }

    /// Past the encoder, which would put it right.
    private func send(_ raw: RawAnswer) async throws {
        let piece = raw.drip?.bytes ?? raw.bytes.count
        for start in stride(from: 0, to: raw.bytes.count, by: max(piece, 1)) {
            try await channel.write(raw: Array(raw.bytes[start..<min(start + piece, raw.bytes.count)]))
            if let drip = raw.drip { try await Task.sleep(for: drip.every) }
        }
        for _ in 0..<raw.times {
            try await channel.write(raw: raw.again)
            let (number, count) = (number, Int64(raw.again.count))
            log.history.update { $0.change(number) { $0.bytesSent += count } }
        }
        try await channel.end(raw.end)
    }

    /// - Returns: whether the rest is to be sent.
    private func pass(_ incident: Incident) async throws -> Bool {
        switch incident.kind {
        case .end(let end):
            try await channel.end(end)
            return false
        case .stall:
            try await left.pass(timeout: .seconds(3600))
            return false
        case .hold(let gate):
            try await hold(gate)
            return true
        case .garbage(let bytes):
            try await send(bytes)
            try await channel.end(.fin)
            return false
        }
    }

    /// Waits until the gate is open or the client has left.
    private func hold(_ gate: Gate) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { try await gate.pass(timeout: .seconds(3600)) }
            group.addTask { try await left.pass(timeout: .seconds(3600)) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

extension Channel {
    fileprivate func write(raw bytes: [UInt8]) async throws {
        let channel = self
        try await channel.eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
            let written = channel.eventLoop.makePromise(of: Void.self)
            do {
                let encoder = try channel.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
                encoder.writeAndFlush(NIOAny(channel.allocator.buffer(bytes: bytes)), promise: written)
            } catch {
                written.fail(error)
            }
            return written.futureResult
        }.get()
    }
}
