internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

typealias ResponsePart = HTTPPart<HTTPResponseHead, ByteBuffer>
typealias ClientChannel = NIOAsyncChannel<HTTPServerRequestPart, ResponsePart>

/// Turns our Sendable parts into those of NIO's encoder.
private final class PartEncoder: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = ResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part: HTTPServerResponsePart =
            switch unwrapOutboundIn(data) {
            case .head(let head): .head(head)
            case .body(let bytes): .body(.byteBuffer(bytes))
            case .end(let trailers): .end(trailers)
            }
        context.write(wrapOutboundOut(part), promise: promise)
    }
}

/// The listening socket and the tasks of its connections.
final class HubServer: Sendable {
    let port: Int
    // Ends when cancelled, by `stop` or by deinit; it does not keep the server alive.
    private let running: Task<Void, Never>

    /// Listens on 127.0.0.1 and gives every connection to `serve`, in a task of its own.
    /// - Parameter port: 0 is any free one.
    static func start(
        port: Int, tls: NIOSSLContext?, serve: @escaping @Sendable (ClientChannel) async -> Void
    ) async throws -> HubServer {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(PartEncoder())
                    return try ClientChannel(wrappingChannelSynchronously: channel)
                }
            }
        return HubServer(port: listener.channel.localAddress?.port ?? 0, listener: listener, serve: serve)
    }

    private init(
        port: Int, listener: NIOAsyncChannel<ClientChannel, Never>,
        serve: @escaping @Sendable (ClientChannel) async -> Void
    ) {
        self.port = port
        running = Task {
            do {
                try await listener.executeThenClose { try await Self.serveAll($0, serve) }
            } catch {
                // A listener that fails is a listener that is gone, and `stop` ends it so; the client will say so.
            }
        }
    }

    private static func serveAll(
        _ clients: NIOAsyncChannelInboundStream<ClientChannel>,
        _ serve: @escaping @Sendable (ClientChannel) async -> Void
    ) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for try await client in clients {
                group.addTask {
                    await withTaskCancellationHandler {
                        await serve(client)
                    } onCancel: {
                        client.channel.abandon()
                    }
                }
            }
        }
    }

    deinit { running.cancel() }

    /// Closes the listener and every connection, and waits until all is over.
    func stop() async {
        running.cancel()
        await running.value
    }
}

extension Channel {
    /// Closes without the farewells of TLS, for which the other side would have to be there.
    func abandon() {
        let channel = self
        channel.eventLoop.execute {
            let pipeline = channel.pipeline.syncOperations
            if let context = try? pipeline.context(handlerType: NIOSSLServerHandler.self) {
                context.close(promise: nil)
            } else {
                channel.close(promise: nil)
            }
        }
    }

    /// Ends the connection as told.
    func end(_ how: ConnectionEnd) async throws {
        switch how {
        case .fin:
            do { try await close() } catch ChannelError.alreadyClosed {}
        case .bareFIN:
            abandon()
            try await closeFuture.get()
        case .reset:
            if let options = self as? any SocketOptionProvider {
                try await drain(options)
                try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            }
            abandon()
            try await closeFuture.get()
        }
    }

    /// Waits until the client's machine has what was sent: a reset throws away what is still on its way.
    private func drain(_ options: any SocketOptionProvider) async throws {
        for _ in 0..<100 {
            if try await options.getTCPInfo().get().tcpi_unacked == 0 { return }
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}
