public import OCI

/// What the daemon tells of itself in `/version` and `/info`; settled once, at its start.
public struct DaemonFacts: Sendable {
    /// layerd's own version, as `0.1.0`.
    public var version: String
    public var gitCommit: String
    public var buildTime: Timestamp?
    /// Tells this daemon from others; stays the same over restarts.
    public var identity: String
    /// The state directory, told as `DockerRootDir`.
    public var rootDirectory: String
    public var started: Timestamp
    public var machine: MachineFacts
    /// URLs that are asked before Docker Hub.
    public var hubMirrors: [String]
    /// Names of registries that are spoken to without TLS or without verifying it.
    public var insecureRegistries: [String]
    /// More lines for `DriverStatus` of `/info`, asked for at every request: transfers under way, counters.
    public var status: @Sendable () async -> [(name: String, value: String)]

    public init(
        version: String, gitCommit: String, buildTime: Timestamp?, identity: String, rootDirectory: String,
        started: Timestamp, machine: MachineFacts, hubMirrors: [String] = [], insecureRegistries: [String] = [],
        status: @escaping @Sendable () async -> [(name: String, value: String)] = { [] }
    ) {
        self.version = version
        self.gitCommit = gitCommit
        self.buildTime = buildTime
        self.identity = identity
        self.rootDirectory = rootDirectory
        self.started = started
        self.machine = machine
        self.hubMirrors = hubMirrors
        self.insecureRegistries = insecureRegistries
        self.status = status
    }

    /// The engine whose API this is, and who speaks it. Clients read a version out of it: cAdvisor refuses a daemon
    /// whose text has no version of at least 1.0.0 or more than one, so layerd's own number stands elsewhere.
    static let engineVersion = "28.2.2+layerd"

    /// What dockerd puts on every routed answer.
    var commonHeaders: [(name: String, value: String)] {
        [
            ("Api-Version", APIVersion.newest.description),
            ("Docker-Experimental", "false"),
            ("Ostype", "linux"),
            ("Server", "Docker/\(DaemonFacts.engineVersion) (linux)"),
        ]
    }
}
