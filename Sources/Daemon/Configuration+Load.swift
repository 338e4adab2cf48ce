internal import FoundationEssentials
internal import Logging
internal import OCI
internal import Pulling
internal import Registry
internal import Transport

extension Configuration {
    /// A configuration file is a page of text; a megabyte is somebody's mistake.
    static let maximumFileSize = 1 << 20

    /// Reads a file. A file that is not there, when it was not asked for by name, is no error: the defaults hold.
    ///
    /// Variables of `environment`, by default the process's, go before the file: `LAYERD_STORE_MAX_SIZE` is
    /// `[store] max-size`. The lists in `warm.d/*.toml` beside the file belong to it.
    /// - Throws: ``ConfigurationErrors``.
    public static func load(
        file: String, mustExist: Bool, environment: [String: String]? = nil
    ) throws -> Configuration {
        let environment = environment ?? ProcessInfo.processInfo.environment
        guard FileManager.default.fileExists(atPath: file) else {
            guard mustExist else { return try parse("", file: file, environment: environment) }
            throw ConfigurationErrors(errors: [
                ConfigurationError(file: file, line: 0, key: "", reason: "no such file")
            ])
        }
        do {
            return try parse(try text(of: file), file: file, environment: environment, includes: true)
        } catch let error as ConfigurationError {
            throw ConfigurationErrors(errors: [error])
        }
    }

    /// - Throws: ``ConfigurationError``.
    static func text(of file: String) throws -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: file))
        } catch {
            throw ConfigurationError(file: file, line: 0, key: "", reason: "cannot be read; check its owner and mode")
        }
        guard data.count <= maximumFileSize, let text = String(bytes: data, encoding: .utf8) else {
            throw ConfigurationError(file: file, line: 0, key: "", reason: "is not a text file of at most 1 MiB")
        }
        return text
    }

    /// - Parameter includes: `warm.d/*.toml` beside the file belongs to it.
    /// - Throws: ``ConfigurationErrors`` with everything that is wrong.
    public static func parse(
        _ text: String, file: String, environment: [String: String] = [:], includes: Bool = false
    ) throws -> Configuration {
        let tree: ConfigurationText
        do {
            tree = try ConfigurationText(parsing: text, file: file, environment: environment)
        } catch let error {
            throw ConfigurationErrors(errors: [error])
        }
        var configuration = Configuration()
        var root = ConfigurationReader(tree)
        for table in ["log", "store", "control", "mirror", "pull", "registry", "warm"] { root.table(table) }
        var errors = root.finish()
        errors += configuration.readLog(tree)
        errors += configuration.readStore(tree)
        errors += configuration.readControl(tree)
        errors += configuration.readMirror(tree)
        errors += configuration.readPull(tree)
        errors += configuration.readRegistries(tree)
        errors += configuration.readWarm(tree)
        errors.sort { $0.line < $1.line }
        if includes { errors += configuration.readWarmDirectory(beside: file) }
        guard errors.isEmpty else { throw ConfigurationErrors(errors: errors) }
        return configuration
    }

    private mutating func readLog(_ tree: ConfigurationText) -> [ConfigurationError] {
        var reader = ConfigurationReader(tree, path: ["log"])
        reader.choice("level", of: Logger.Level.allCases, into: &log.level)
        reader.choice("format", of: StderrLog.Format.allCases, into: &log.format)
        return reader.finish()
    }

    private mutating func readStore(_ tree: ConfigurationText) -> [ConfigurationError] {
        var reader = ConfigurationReader(tree, path: ["store"])
        reader.bytes("max-size", in: 0...Int64.max, into: &quota.maxSize)
        // Less cannot hold one image's documents beside another's.
        if quota.maxSize != 0, quota.maxSize < 1_000_000 { reader.report("max-size", "must be 0 or at least 1MB") }
        reader.bytes("min-free", in: 0...Int64.max, into: &quota.minFree)
        reader.share("low-watermark", in: 0.1...1, into: &quota.lowWatermark)
        reader.duration("keep-at-least", atLeast: .zero, into: &quota.keepAtLeast)
        reader.duration("scrub-every", atLeast: .zero, into: &store.scrubEvery)
        if store.scrubEvery > .zero, store.scrubEvery < .seconds(60) {
            reader.report("scrub-every", "must be at least a minute, or \"0s\" for never")
        }
        return reader.finish()
    }

    private mutating func readControl(_ tree: ConfigurationText) -> [ConfigurationError] {
        var reader = ConfigurationReader(tree, path: ["control"])
        // sun_path holds 108 bytes with its end.
        reader.string("socket", into: &control.socket) {
            $0.hasPrefix("/") && $0.utf8.count < 108 ? nil : "must be an absolute path of at most 107 bytes"
        }
        reader.string("group", into: &control.group)
        reader.string("read-group", into: &control.readGroup)
        return reader.finish()
    }

    private mutating func readPull(_ tree: ConfigurationText) -> [ConfigurationError] {
        var reader = ConfigurationReader(tree, path: ["pull"])
        reader.count("max-connections", in: 1...1024, into: &pull.maxConnections)
        reader.count("per-host", in: 1...1024, into: &pull.perHost)
        reader.bytes("range-threshold", in: 0...(1 << 50), into: &pull.rangeThreshold)
        reader.count("retries", in: 0...100, into: &pull.retries)
        reader.bool("any-registry", into: &pull.anyRegistry)
        reader.duration("connect-timeout", atLeast: .seconds(1), into: &pull.connectTimeout)
        reader.bytes("low-speed", in: 1...1_000_000_000, into: &pull.lowSpeed)
        reader.duration("low-speed-time", atLeast: .seconds(1), into: &pull.lowSpeedTime)
        return reader.finish()
    }

    private mutating func readRegistries(_ tree: ConfigurationText) -> [ConfigurationError] {
        var errors: [ConfigurationError] = []
        let sections = ConfigurationReader(tree, path: ["registry"])
        errors += sections.errors
        for name in sections.names {
            var reader = ConfigurationReader(tree, path: ["registry", name])
            let (freshness, rules) = Self.readFreshness(name, tree, &reader)
            mirror.freshness[name] = freshness
            errors += rules
            if let host = readRegistry(name, &reader) { registries.append(host) }
            errors += reader.finish()
        }
        if !registries.contains(where: { $0.name == "docker.io" }) {
            registries.append(RegistryHost(name: "docker.io"))
        }
        for index in registries.indices {
            registries[index].options.connectTimeout = pull.connectTimeout
            registries[index].options.lowSpeedBytesPerSecond = pull.lowSpeed
            registries[index].options.lowSpeedTime = pull.lowSpeedTime
        }
        return errors
    }
}
