internal import Logging
internal import OCI

extension LayerdDaemon {
    /// Applies what can change while the daemon runs.
    /// - Returns: what else differs, one line each, and waits for the next start.
    func apply(_ new: Configuration) -> [String] {
        log.set(new.log.level)
        var waiting: [String] = []
        if new.control != configuration.control { waiting.append("[control]") }
        if new.pull != configuration.pull { waiting.append("[pull]") }
        if new.registries != configuration.registries { waiting.append("[registry]") }
        return waiting
    }
}
