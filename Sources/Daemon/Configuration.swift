// Daemon: reads the configuration, puts the parts together and runs them: the one room that names concrete types.

public import Logging
public import OCI
public import Pulling
public import Registry
public import Warming

/// Everything that `layerd.toml` can say, with what holds where it says nothing. The keys and their meaning are in
/// `config/layerd.toml`.
public struct Configuration: Sendable {
    public struct Control: Sendable, Equatable {
        /// Path of the control socket.
        public var socket = "/run/layerd/layerd.sock"
        /// Group that may use it; a group that does not exist on this machine leaves the socket to the daemon's own.
        public var group = "layerd"
        /// Group that may look at things through it and change nothing; empty for none. With one, the socket's mode
        /// lets everybody connect, and the daemon refuses whoever is in neither group.
        public var readGroup = ""
    }

    public struct Pull: Sendable, Equatable {
        /// Transfers at once in the whole process, and to one registry.
        public var maxConnections = 16
        public var perHost = 16
        /// Layers of more bytes are fetched in parts, several at a time.
        public var rangeThreshold = 32 << 20
        /// Attempts to go on with a transfer that made no progress.
        public var retries = 5
        /// A registry without a section of its own is used at `https://HOST`.
        public var anyRegistry = true
        public var connectTimeout: Duration = .seconds(10)
        /// A transfer slower than this many bytes a second for that long is stalled.
        public var lowSpeed = 1024
        public var lowSpeedTime: Duration = .seconds(30)
    }

    public struct Store: Sendable, Equatable {
        /// How often all blobs are read again; zero for never.
        public var scrubEvery: Duration = .seconds(7 * 86_400)
    }

    public struct Log: Sendable, Equatable {
        /// The least level logged.
        public var level: Logger.Level = .info
        public var format: StderrLog.Format = .text
    }

    public struct Mirror: Sendable, Equatable {
        /// Addresses that engines pull from, as `127.0.0.1:5050`; none turns the mirror off.
        public var listen = ["127.0.0.1:5050"]
        /// Somebody chose `listen`: that it cannot be had is an error then.
        public var isChosen = false
        /// Content that not everybody may fetch is given to everybody who asks here.
        public var servesPrivate = false
        /// Names under which clients may know the mirror, besides addresses and `localhost`.
        public var hosts: [String] = []
        /// Certificate, key and authorities of clients, in PEM, for addresses that others than this machine can reach.
        public var certificate: String?, key: String?, clientAuthorities: String?
        /// Such addresses may be listened at without a certificate.
        public var isInsecureAllowed = false
        /// How long what a tag means is believed, by registry; without an entry 10 minutes.
        public var freshness: [String: Freshness] = [:]
    }

    /// How long the mirror believes what a tag means without asking.
    public struct Freshness: Sendable, Equatable {
        public var revalidateAfter: Duration = .seconds(600)
        public var patterns: [Pattern] = []

        public struct Pattern: Sendable, Equatable {
            public var pattern: String
            public var revalidateAfter: Duration
        }
    }

    public var log = Log()
    public var store = Store()
    /// The section `[store]`.
    public var quota = Quota()
    public var control = Control()
    /// The sections `[warm.NAME]`, and the files of `warm.d`.
    public var warm: [WarmList] = []
    public var mirror = Mirror()
    public var pull = Pull()
    /// By name, `docker.io` always among them.
    public var registries: [RegistryHost] = []

    public init() {}
}

/// One thing wrong with a configuration file.
public struct ConfigurationError: Fault, Equatable {
    public var file: String
    /// 1 is the first line; 0 when the file could not be read at all.
    public var line: Int
    /// As in `[pull] max-connections`; empty for errors of syntax.
    public var key: String
    public var reason: String

    public var kind: FaultKind { .invalidInput }
    public var description: String {
        let place = line > 0 ? "\(file):\(line)" : file
        return key.isEmpty ? "\(place): \(reason)" : "\(place): \(key): \(reason)"
    }
}

/// Everything wrong with a configuration, so that an operator mends it in one go.
public struct ConfigurationErrors: Fault {
    public var errors: [ConfigurationError]
    public var kind: FaultKind { .invalidInput }
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
