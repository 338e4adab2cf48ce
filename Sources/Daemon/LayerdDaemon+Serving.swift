internal import Catalogue
internal import Coordination
internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import OCI
internal import Pulling
internal import Registry
internal import ServiceLifecycle
internal import Serving
internal import Storage
internal import UnixSignals
internal import Warming

/// The daemon's services and their end: whoever asks is answered until the last moment, what runs is let end, and the
/// service manager hears of it.
extension LayerdDaemon {
    /// - Parameter opened: ends when the control socket is open.
    func serve(
        _ handler: ControlHandler, _ parts: Parts, passed: PassedSockets, beside others: [any Service],
        started: ContinuousClock.Instant, opened: Wait<Void>
    ) async throws {
        let manager = ServiceManager()
        let probe = SelfProbe(within: manager.watchdog ?? .seconds(30))
        let life = LifeService(
            manager: manager, logger: logger, figures: { try await Self.figures(parts) },
            probe: { try await probe.ask() })
        let server = HTTPServer(listeners: try controlListeners(passed), handler: handler, limits: ServerLimits())
        let control = ControlService(
            server: server, logger: logger, started: started,
            ready: { addresses in
                probe.aim(at: addresses)
                life.ready()
                opened.settle(.success(()))
                MemoryService.giveBack()
            },
            stopping: {
                life.stopping()
                // Who watches events would keep the server waiting for as long as its patience lasts.
                parts.events.close()
            })
        let reloading = ReloadService(
            manager: manager, life: life, logger: logger, reload: { try await self.apply(try reload(), parts) })
        // The library's own steps are of no use to an operator.
        var quiet = logger
        quiet.logLevel = .warning
        let warming = WarmService(warmer: parts.warmer, logger: logger)
        let space = SpaceService(keeper: parts.keeper, collector: parts.collector, store: parts.store, logger: logger)
        // Stopped from the last to the first.
        let services = ServiceGroup(
            configuration: .init(
                services: (logger.steadfast([life, space, warming]) + others + [reloading, control]).map {
                    .init(service: $0)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await services.run()
        await probe.close()
    }

    /// A passed socket was there before us and stays after us, so that a restart refuses nobody.
    private func controlListeners(_ passed: PassedSockets) throws -> [Listener] {
        guard passed.control.isEmpty else { return passed.control.map { .inherited(fd: $0) } }
        try makeSocketDirectory()
        return [.unix(path: configuration.control.socket, mode: socketMode, group: group())]
    }

    /// What `systemctl status` shows.
    private static func figures(_ parts: Parts) async throws -> String {
        let totals = try await parts.catalogue.totals()
        let transfers = try await parts.store.ingests().count
        return "\(totals.images) images, \(totals.layersSize >> 20) MiB; \(transfers) unfinished transfers"
    }

    /// Under systemd the socket's directory is there (`RuntimeDirectory=`); who starts layerd by hand need not make it.
    private func makeSocketDirectory() throws {
        let socket = configuration.control.socket
        guard let slash = socket.lastIndex(of: "/"), slash > socket.startIndex else { return }
        let directory = String(socket[..<slash])
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw DaemonError.socketDirectory(directory)
        }
    }

    /// The socket's group. As with dockerd, a machine may lack the one that nobody chose; one that was chosen must be
    /// there, which the server sees to.
    private func group() -> String? {
        let name = configuration.control.group
        guard name == Configuration.Control().group, getgrnam(name) == nil else { return name }
        logger.warning("this machine has no group \(name): only the daemon's own user can use the control socket")
        return nil
    }
}
