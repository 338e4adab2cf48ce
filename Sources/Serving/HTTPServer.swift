// Serving: an HTTP/1.1 server on Unix sockets and TCP, the only room that knows NIO. It frames messages, bounds what a
// client may cost, notices clients that leave and stops in good order; what is asked and answered is its handler's
// affair.

internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// An HTTP/1.1 server. One value runs once.
public final class HTTPServer: Sendable {
    private let listeners: [Listener]
    private let handler: any RequestHandler
    private let limits: ServerLimits

    public init(listeners: [Listener], handler: any RequestHandler, limits: ServerLimits = ServerLimits()) {
        self.listeners = listeners
        self.handler = handler
        self.limits = limits
    }

    /// Listens and answers until the task is cancelled; then stops accepting, lets running requests end within
    /// ``ServerLimits/gracePeriod``, cancels those that do not, and returns when no task of a handler is left.
    ///
    /// - Parameter onReady: called once when every listener accepts connections, with their addresses in the order
    ///   given.
    /// - Throws: ``ServingError`` when a listener cannot be opened, or breaks.
    public func run(onReady: @Sendable ([BoundAddress]) -> Void = { _ in }) async throws {
        let contexts = try listeners.map { listener throws(ServingError) in try listener.context() }
        let sockets = try ListeningSocket.open(listeners)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, limits.threads))
        let places = Places(limits)
        var workers: [ObjectIdentifier: Worker] = [:]
        for loop in group.makeIterator() {
            workers[ObjectIdentifier(loop)] = Worker(loop: loop, handler: handler, limits: limits, places: places)
        }
        do {
            let channels = try await listen(on: sockets, contexts, group: group, workers: workers)
            onReady(try zip(channels, sockets).map { try $1.address(bound: $0.localAddress) })
            let lost = await untilClosed(channels)
            sockets.forEach { $0.removePath() }
            try await stop(group, Array(workers.values))
            if let lost, !Task.isCancelled { throw ServingError.listenerLost(address: sockets[lost].name) }
        } catch {
            sockets.forEach { $0.removePath() }
            try await stop(group, Array(workers.values))
            throw error
        }
    }

    private func listen(
        on sockets: [ListeningSocket], _ contexts: [NIOSSLContext?], group: MultiThreadedEventLoopGroup,
        workers: [ObjectIdentifier: Worker]
    ) async throws -> [any Channel] {
        var channels: [any Channel] = []
        for (index, socket) in sockets.enumerated() {
            do {
                let bootstrap = bootstrap(group, workers, contexts[index])
                channels.append(try await bootstrap.withBoundSocket(socket.descriptor).get())
            } catch {
                // NIO closes what it was given; the sockets after this one are still ours.
                sockets[(index + 1)...].forEach { $0.close() }
                for channel in channels { try await channel.close().get() }
                throw ServingError.cannotListen(address: socket.name, reason: "\(error)")
            }
        }
        return channels
    }

    private func bootstrap(
        _ group: MultiThreadedEventLoopGroup, _ workers: [ObjectIdentifier: Worker], _ context: NIOSSLContext?
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            // A burst of connections is accepted without a poll in between.
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .writeBufferWaterMark, value: .init(low: limits.writeLowBytes, high: limits.writeHighBytes)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let worker = workers[ObjectIdentifier(channel.eventLoop)] else { throw ChannelError.eof }
                    try channel.pipeline.syncOperations.encrypt(with: context)
                    try channel.pipeline.syncOperations.addHandler(
                        Connection(worker: worker, isEncrypted: context != nil))
                }
            }
    }

    /// Waits until the task is cancelled or a listener breaks, and all are closed. Returns the one that closed first.
    private func untilClosed(_ channels: [any Channel]) async -> Int? {
        let first = Places.First()
        for (index, channel) in channels.enumerated() {
            channel.closeFuture.whenComplete { _ in
                first.note(index)
                for other in channels { other.close(promise: nil) }
            }
        }
        await withTaskCancellationHandler {
            for channel in channels {
                // However it closed: that it did is all that is waited for.
                do { try await channel.closeFuture.get() } catch { continue }
            }
        } onCancel: {
            for channel in channels { channel.close(promise: nil) }
        }
        return first.value
    }

    private func stop(_ group: MultiThreadedEventLoopGroup, _ workers: [Worker]) async throws {
        for worker in workers { worker.drain(within: limits.gracePeriod) }
        for worker in workers { try await worker.drained.get() }
        try await group.shutdownGracefully()
    }
}
