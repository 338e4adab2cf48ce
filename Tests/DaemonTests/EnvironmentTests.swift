import Daemon
import Logging
import Pulling
import Testing

@Suite struct `Variables of the environment` {
    private func parse(_ text: String, _ environment: [String: String]) throws -> Configuration {
        try Configuration.parse(text, file: "etc.toml", environment: environment)
    }

    @Test func `go before the file, whatever their kind`() throws {
        let configuration = try parse(
            "[store]\nmax-size = \"1GB\"\nmin-free = \"1GB\"",
            [
                "LAYERD_STORE_MAX_SIZE": "20GB", "LAYERD_STORE_LOW_WATERMARK": "0.5", "LAYERD_PULL_RETRIES": "2",
                "LAYERD_PULL_ANY_REGISTRY": "false", "LAYERD_STORE_KEEP_AT_LEAST": "7d", "LAYERD_LOG_LEVEL": "debug",
                "LAYERD_CONTROL_SOCKET": "/tmp/x.sock", "LAYERD_HOST": "unix:///x", "PATH": "/bin",
            ])
        #expect(configuration.quota.maxSize == 20_000_000_000 && configuration.quota.minFree == 1_000_000_000)
        #expect(configuration.quota.lowWatermark == 0.5 && configuration.quota.keepAtLeast == .seconds(604_800))
        #expect(configuration.pull.retries == 2 && !configuration.pull.anyRegistry)
        #expect(configuration.log.level == .debug && configuration.control.socket == "/tmp/x.sock")
    }

    @Test(arguments: [
        ("LAYERD_STORE_MAX_SIZE", "much", "must be a size"), ("LAYERD_STORE_MAX_SIZE", "3", "at least 1MB"),
        ("LAYERD_STORE_MAXSIZE", "3GB", "the nearest is \"max-size\""), ("LAYERD_PULL_RETRIES", "-1", "from 0 to"),
    ])
    func `that mean nothing are errors that name them`(name: String, value: String, hint: String) throws {
        let thrown = #expect(throws: ConfigurationErrors.self) { try parse("", [name: value]) }
        let text = try #require(thrown).description
        #expect(text.hasPrefix("environment: \(name): ") && text.contains(hint), "\(text)")
    }
}
