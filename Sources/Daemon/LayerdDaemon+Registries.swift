internal import NativeAPI
internal import Registry

extension LayerdDaemon {
    /// How the configured registries do, and others that said something of their allowance.
    static func reports(of configured: [String], _ registry: RegistryClient) -> [RegistryReport] {
        let allowances = registry.allowances()
        let others = Set(allowances.map(\.registry)).subtracting(configured).sorted()
        return (configured + others).map { name in
            let health = registry.health(of: name)
            var report = RegistryReport(
                name: name, healthy: health.isAsked, lastError: health.failure,
                allowance: registry.allowance(of: name))
            report.accounts = allowances.filter { $0.registry == name }
            return report
        }
    }
}
