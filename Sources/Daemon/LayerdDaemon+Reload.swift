internal import Logging
internal import OCI
internal import Pulling
internal import Registry
internal import Warming

extension LayerdDaemon {
    /// Applies what can change while the daemon runs.
    /// - Returns: what else differs, one line each, and waits for the next start.
    func apply(_ new: Configuration, _ parts: Parts) async throws -> [String] {
        log.set(new.log.level)
        parts.keeper.quota = new.quota
        parts.warmer.lists = new.warm
        parts.registry.use(
            hosts: new.registries, anyRegistry: new.pull.anyRegistry,
            retry: RetryPolicy(attempts: new.pull.retries + 1))
        parts.puller.use(Puller.Limits(total: new.pull.maxConnections, perHost: new.pull.perHost))
        try await parts.keeper.settle()
        var waiting: [String] = []
        if new.control != configuration.control { waiting.append("[control]") }
        if new.mirror != configuration.mirror { waiting.append("[mirror]") }
        if new.log.format != configuration.log.format { waiting.append("[log] format") }
        if new.pull.maxConnections > configuration.pull.maxConnections * 2
            || new.pull.perHost > configuration.pull.perHost * 2
        {
            waiting.append("more than twice the connections of [pull] max-connections and per-host at the start")
        }
        return waiting
    }
}
