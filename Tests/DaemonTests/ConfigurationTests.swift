import Daemon
import Logging
import Pulling
import Foundation
import Registry
import TestSupport
import Testing
import Transport
import Warming

@Suite struct `A configuration` {
    @Test func `that is empty is complete`() throws {
        let configuration = try Configuration.parse("", file: "empty.toml")
        #expect(configuration.control.socket == "/run/layerd/layerd.sock")
        #expect(configuration.pull.maxConnections == 16)
        #expect(configuration.pull.anyRegistry)
        #expect(configuration.registries.map(\.name) == ["docker.io"])
        #expect(configuration.registries[0].endpoint == "https://registry-1.docker.io")
    }

    @Test func `sets the keys of the log, the store and warm lists`() throws {
        let configuration = try Configuration.parse(
            """
            [log]
            level = "trace"
            format = "json"
            [store]
            max-size = "50GB"
            min-free = "5GiB"
            low-watermark = 0.7
            keep-at-least = "2h"
            [warm.base]
            images = ["alpine:3.20", "redis:7.*"]
            files = ["/opt/app/compose.yaml"]
            platforms = ["linux/arm64"]
            every = "6h"
            schedule = ["Mon..Fri 03:00", "weekly UTC"]
            window = "22:00-06:00"
            bandwidth = "20MB"
            pin = true
            into = ["docker", "containerd"]
            """, file: "all.toml")
        #expect(configuration.log.level == .trace && configuration.log.format == .json)
        #expect(configuration.quota.maxSize == 50_000_000_000 && configuration.quota.minFree == 5 << 30)
        #expect(configuration.quota.lowWatermark == 0.7 && configuration.quota.keepAtLeast == .seconds(7200))
        let list = try #require(configuration.warm.first)
        #expect(list.name == "base" && list.images.count == 2 && list.files.count == 1 && list.pin)
        #expect(list.platforms.map { "\($0)" } == ["linux/arm64"] && list.every == .seconds(21_600))
        #expect(list.schedule.map(\.description) == ["Mon..Fri 03:00", "weekly UTC"])
        #expect(list.windows.map(\.description) == ["22:00-06:00"] && list.bandwidth == 20_000_000)
        #expect(list.into == [.docker, .containerd])
    }

    @Test func `takes in the lists of warm.d beside it`() throws {
        let directory = try TemporaryDirectory()
        try Files.makeDirectory(directory.path("warm.d"))
        try Files.write("[warm.one]\nimages = [\"alpine\"]", to: directory.path("layerd.toml"))
        try Files.write("images = [\"busybox\"]\nevery = \"1h\"", to: directory.path("warm.d/two.toml"))
        try Files.write("[warm.three]\nimages = [\"redis:7.*\"]", to: directory.path("warm.d/more.toml"))
        let file = directory.path("layerd.toml")
        #expect(try Configuration.load(file: file, mustExist: true).warm.map(\.name) == ["one", "three", "two"])
        try Files.write("imgaes = [\"busybox\"]", to: directory.path("warm.d/two.toml"))
        let thrown = #expect(throws: ConfigurationErrors.self) { try Configuration.load(file: file, mustExist: true) }
        let text = try #require(thrown).description
        #expect(text.contains("warm.d/two.toml:1: imgaes: unknown key; the nearest is \"images\""), "\(text)")
    }

    @Test func `sets every key it names`() throws {
        let configuration = try Configuration.parse(
            """
            [control]
            socket = "/tmp/other.sock"
            group = "docker"
            [pull]
            max-connections = 3
            per-host = 2
            retries = 1
            any-registry = false
            connect-timeout = "2s"
            low-speed = "4KiB"
            low-speed-time = "1m"
            [registry."ghcr.io"]
            endpoint = "https://mirror.example:8443"
            mirrors = ["https://one.example", "http://127.0.0.1:5000"]
            ca = "\(#filePath)"
            client-cert = "\(#filePath)"
            client-key = "\(#filePath)"
            proxy = "socks5h://127.0.0.1:9050"
            insecure = true
            token-realms = ["https://auth.example"]
            """, file: "all.toml")
        #expect(configuration.control.socket == "/tmp/other.sock" && configuration.control.group == "docker")
        #expect(configuration.pull.maxConnections == 3 && configuration.pull.perHost == 2)
        #expect(configuration.pull.retries == 1 && !configuration.pull.anyRegistry)
        #expect(configuration.pull.connectTimeout == .seconds(2))
        #expect(configuration.pull.lowSpeed == 4096 && configuration.pull.lowSpeedTime == .seconds(60))
        let host = try #require(configuration.registries.first { $0.name == "ghcr.io" })
        #expect(host.endpoint == "https://mirror.example:8443")
        #expect(host.mirrors == ["https://one.example", "http://127.0.0.1:5000"])
        #expect(host.options.caFile == #filePath && host.options.clientCertificate == #filePath)
        #expect(host.options.clientKey == #filePath && host.options.proxy == "socks5h://127.0.0.1:9050")
        #expect(host.insecure && host.options.insecure)
        #expect(host.tokenRealms == ["https://auth.example"])
        #expect(host.options.lowSpeedTime == .seconds(60) && host.options.connectTimeout == .seconds(2))
    }

    @Test(arguments: [
        ("[pull]\nmax-conections = 4", 2, "[pull] max-conections", "\"max-connections\""),
        ("[pul]\nretries = 4", 1, "pul", "\"pull\""),
        ("\n\n[pull]\n\nretries = \"many\"", 5, "[pull] retries", "a whole number"),
        ("[pull]\nretries = 4.5", 2, "[pull] retries", "a whole number"),
        ("[pull]\nmax-connections = 0", 2, "[pull] max-connections", "from 1 to"),
        ("[pull]\nlow-speed-time = 30", 2, "[pull] low-speed-time", "a unit"),
        ("[pull]\nlow-speed-time = \"30\"", 2, "[pull] low-speed-time", "a unit"),
        ("[pull]\nlow-speed = \"1 furlong\"", 2, "[pull] low-speed", "a size"),
        ("[log]\nlevel = \"loud\"", 2, "[log] level", "one of \"trace\""),
        ("[store]\nmax-size = 100", 2, "[store] max-size", "at least 1MB"),
        ("[store]\nlow-watermark = 80", 2, "[store] low-watermark", "from 0.1 to 1"),
        ("[store]\nmaxsize = 1", 2, "[store] maxsize", "\"max-size\""),
        ("[warm.a]\nimages = [\"x\"]\nschedule = \"soon\"", 3, "[warm.a] schedule", "systemd-analyze calendar"),
        ("[warm.a]\nimages = [\"x\"]\nevery = \"1h\"\nwindow = \"22-6\"", 4, "[warm.a] window", "22:00-06:00"),
        ("[warm.a]\nimages = [\"x\"]\nwindow = \"22:00-06:00\"", 3, "[warm.a] window", "neither"),
        ("[warm.a]\nimages = [\"x\"]\ninto = [\"rkt\"]", 3, "[warm.a] into", "\"podman\""),
        ("pull = 3", 1, "pull", "table"),
        ("[control]\nsocket = \"relative.sock\"", 2, "[control] socket", "absolute"),
        ("[registry.\"docker.io\"]\nendpoint = \"ftp://x\"", 2, "[registry.\"docker.io\"] endpoint", "https://"),
        (
            "[registry.\"docker.io\"]\nendpoint = \"https://u:p@x\"", 2, "[registry.\"docker.io\"] endpoint",
            "credentials"
        ),
        ("[registry.\"docker.io\"]\nca = \"/no/such/file\"", 2, "[registry.\"docker.io\"] ca", "/no/such/file"),
        ("[registry.\"docker.io\"]\nusername = \"me\"", 2, "[registry.\"docker.io\"] username", "password-file"),
        (
            "[registry.\"docker.io\"]\nusername = \"me\"\npassword-file = \"\(#filePath)\"", 3,
            "[registry.\"docker.io\"] password-file", "alone"
        ),
        (
            "[registry.\"docker.io\"]\nusername = \"me\"\npassword-file = \"/no/such\"", 3,
            "[registry.\"docker.io\"] password-file", "/no/such"
        ),
        (
            "[registry.\"docker.io\"]\ncredential-helper = \"../x\"", 2,
            "[registry.\"docker.io\"] credential-helper", "docker-credential-"
        ),
        ("[registry.\"no such/host\"]\n", 1, "[registry] no such/host", "host name"),
        ("[registry.\"docker.io\"]\nmirrors = [\"x\"]", 2, "[registry.\"docker.io\"] mirrors", "\"x\""),
    ])
    func `names file, line, key and remedy of what is wrong`(text: String, line: Int, key: String, hint: String) throws
    {
        let thrown = #expect(throws: ConfigurationErrors.self) { try Configuration.parse(text, file: "etc.toml") }
        let error = try #require(thrown?.errors.first)
        #expect(error.line == line)
        #expect(error.key == key)
        #expect(error.reason.contains(hint), "\(error.reason)")
        #expect(error.description.hasPrefix("etc.toml:\(line): "))
    }

    /// The library stops the process at a header without a name.
    @Test(arguments: ["retries = = 3", "[|x]", "[", "[[ ]]", "  [.x]", "[é]", "[\u{0}"])
    func `that is not TOML says where`(line: String) throws {
        let thrown = #expect(throws: ConfigurationErrors.self) {
            try Configuration.parse("[pull]\n\(line)\n", file: "etc.toml")
        }
        #expect(try #require(thrown).description.hasPrefix("etc.toml:2: not valid TOML"))
    }

    @Test func `may begin with a byte order mark, and is looked at behind it`() throws {
        let thrown = #expect(throws: ConfigurationErrors.self) {
            try Configuration.parse("\u{FEFF}[é]\n", file: "etc.toml")
        }
        #expect(try #require(thrown).description.hasPrefix("etc.toml:1: not valid TOML: a table without a name"))
        #expect(try Configuration.parse("\u{FEFF}[pull]\nretries = 3\n", file: "etc.toml").registries.count == 1)
    }

    /// Nor where a list's next value is due and something ends one.
    @Test(arguments: [
        "[ }", "[\"a\", }", "[[1], }", "[ # one\t[\n \t}", "[\u{2028}1]", "['''\n''', \u{85}]", "[{a = 1}, }]",
    ])
    func `that lacks a value in a list says where`(list: String) throws {
        let thrown = #expect(throws: ConfigurationErrors.self) {
            try Configuration.parse("[mirror]\nfor = \(list)\n", file: "etc.toml")
        }
        let line = list.contains("\n") ? 3 : 2
        #expect(try #require(thrown).description.hasPrefix("etc.toml:\(line): not valid TOML"))
    }

    /// What would end a value ends none in a string or a comment.
    @Test(arguments: [
        "\"[ }\"", "'[}'", "\"a\\\" [}\"", "\"a\", # [ }\n", "'''[ }\n[}''', 'b'", "\"\"\"a\\\"\"\"[ }\"\"\"",
    ])
    func `that has brackets in its strings is TOML`(list: String) throws {
        let thrown = #expect(throws: ConfigurationErrors.self) {
            try Configuration.parse("[mirror]\nno-such-key = [\(list)]\n", file: "etc.toml")
        }
        let error = try #require(thrown?.errors.first)
        #expect(error.line == 2 && !error.reason.contains("not valid TOML"), "\(error)")
    }

    @Test func `tells all its errors at once, in the order of the file`() throws {
        let thrown = #expect(throws: ConfigurationErrors.self) {
            try Configuration.parse("[pull]\nretries = -1\n[control]\nsocket = 7\n", file: "etc.toml")
        }
        #expect(try #require(thrown).errors.map(\.line) == [2, 4])
    }

    @Test func `that was asked for by name must be there`() throws {
        let thrown = #expect(throws: ConfigurationErrors.self) {
            try Configuration.load(file: "/no/such/layerd.toml", mustExist: true)
        }
        #expect(try #require(thrown).description == "/no/such/layerd.toml: no such file")
        #expect(try Configuration.load(file: "/no/such/layerd.toml", mustExist: false).registries.count == 1)
    }

    /// What `config/layerd.toml` shows commented out is live, and nothing that is live is missing from it.
    @Test func `as it is shipped is valid, and names every key there is`() throws {
        let file = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/config/layerd.toml"
        let shipped = try String(contentsOf: URL(filePath: file), encoding: .utf8)
        #expect(try Configuration.parse(shipped, file: file).registries.count == 1)
        let live = shipped.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.contains("= ") || line.hasPrefix("# [") ? String(line.drop { $0 == "#" || $0 == " " }) : String(line)
        }
        let keys = live.compactMap { line in line.range(of: " = ").map { String(line[..<$0.lowerBound]) } }
        #expect(
            Set(keys) == [
                "any-registry", "bandwidth", "ca", "cert", "client-ca", "client-cert", "client-key", "connect-timeout",
                "credential-helper", "endpoint", "every", "files", "format", "group", "hosts", "images", "insecure",
                "insecure-listen", "into", "keep-at-least", "key", "level", "listen", "low-speed", "low-speed-time",
                "low-watermark", "max-connections", "max-size", "min-free", "mirrors", "password-file", "per-host",
                "pin", "platforms", "private", "proxy", "range-threshold", "read-group", "reserve", "retries",
                "revalidate", "revalidate-after", "schedule", "scrub-every", "socket", "token-realms", "username",
                "window",
            ])
        let directory = try TemporaryDirectory()
        try Files.write(Array("pw".utf8), to: directory.path("pw"), mode: 0o600)
        let here = live.map { line in
            if line.hasPrefix("password-file") { return "password-file = \"\(directory.path("pw"))\"" }
            guard let path = line.range(of: "/etc/layerd/") else { return line }
            return line[..<path.lowerBound] + #filePath + "\""
        }.joined(separator: "\n")
        #expect(try Configuration.parse(here, file: file).registries.map(\.name).count == 3)
    }
}
