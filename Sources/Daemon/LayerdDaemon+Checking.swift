internal import Catalogue
internal import Coordination
internal import Logging
internal import Pulling
internal import Registry
internal import ServiceLifecycle
internal import Storage

extension LayerdDaemon {
    func comparer(
        _ catalogue: Catalogue, _ store: LocalContentStore, _ registry: RegistryClient
    ) -> ImageComparer {
        ImageComparer(catalogue: catalogue, store: store, resolver: registry, fetcher: registry)
    }

    /// The check of layers, beside all else.
    /// - Parameter opened: ends when the daemon is ready: before that nobody waits for anything else.
    func layerCheck(
        _ catalogue: Catalogue, _ store: LocalContentStore, _ events: ImageEventLog, after opened: Wait<Void>
    ) -> any Service {
        LayerCheck(
            opened: opened,
            checker: LayerChecker(catalogue: catalogue, store: store, events: events) {
                [logger] image, problem in
                logger.error(
                    "an image is not what it says", metadata: ["image": "\(image)", "problem": "\(problem)"])
            })
    }
}

/// Ends at once when the daemon is to stop: the next start goes on where it was.
private struct LayerCheck: Service {
    let opened: Wait<Void>
    let checker: LayerChecker

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                try await opened.value()
                try await checker.run()
            }
        } catch is CancellationError {}
    }
}
