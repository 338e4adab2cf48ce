internal import NIOCore

extension Connection {
    /// Sends a part of a file within a stream; returns when the socket has taken it. When the client leaves meanwhile,
    /// its channel closes, which fails the write: nothing waits for longer than the connection lives.
    nonisolated func write(_ part: FilePart, _ owner: any Sendable, _ id: UInt64) async throws {
        guard part.length > 0 else { return }
        try Task.checkCancellation()
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            onLoop { [self] in
                do { try send(part, owner, id, continuation) } catch { continuation.resume(throwing: error) }
            }
        }
    }

    private func send(
        _ part: FilePart, _ owner: any Sendable, _ id: UInt64, _ continuation: CheckedContinuation<Void, any Error>
    ) throws {
        guard phase == .exchange, exchange?.id == id, case .streaming(let framing, let written) = exchange?.response,
            case .length(let declared) = framing
        else { throw ClientGone() }
        let total = written + part.length
        guard total <= declared else { throw ServingError.wrongLength(declared: declared, written: total) }
        guard let region = part.region() else { throw ServingError.shortFile }
        exchange?.response = .streaming(framing, written: total)
        self.written += part.length
        send(.fileRegion(region)) { result in
            // The descriptor is the owner's: the region must give it back unclosed, and the owner live until now.
            withExtendedLifetime(owner) { FilePart.disown(region) }
            continuation.resume(with: result.mapError { _ in ClientGone() })
        }
    }
}
