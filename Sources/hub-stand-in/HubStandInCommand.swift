// hub-stand-in: a Docker Hub on loopback for demonstrations and acceptance checks, with images made on the spot.

internal import ArgumentParser
internal import Glibc
internal import OCI
internal import TestSupport

@main
struct HubStandInCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hub-stand-in",
        abstract: "Stands in for Docker Hub on a free port of 127.0.0.1.",
        discussion: """
            Prints one line of JSON when it is ready: port, endpoint, CA file, the names a client has to resolve to \
            127.0.0.1, and the images. Runs until SIGTERM or SIGINT, or until its standard input ends, unless that is \
            /dev/null.
            """)

    @Option(help: "Serve this OCI layout instead of the demonstration images, as library/NAME of its directory.")
    var layout: [String] = []

    @Flag(help: "Plain HTTP instead of TLS.")
    var plain = false

    @Flag(help: "Answer as localhost and 127.0.0.1 instead of Docker Hub's names.")
    var loopbackNames = false

    @Option(help: "Answer as registry-1, auth and cdn of this domain; libcurl finds those under localhost by itself.")
    var domain: String?

    @Option(help: "Body bytes per second of each connection.")
    var rate: Int?

    @Option(help: "Milliseconds that pass before each answer.")
    var latencyMs: Int = 0

    @Option(help: "Manifest requests that are answered without an account before 429.")
    var allowance: Int = 100

    @Option(help: "The whole link breaks whenever so many body bytes have passed.")
    var cutEvery: Int64?

    @Option(help: "Where the CA's files go; a temporary directory otherwise.")
    var state: String?

    func validate() throws {
        if let rate, rate <= 0 { throw ValidationError("--rate has to be above 0.") }
        if latencyMs < 0 { throw ValidationError("--latency-ms cannot be negative.") }
        if allowance < 0 { throw ValidationError("--allowance cannot be negative.") }
    }

    func run() throws {
        var signals = blockedSignals()
        let directory = try TemporaryDirectory("hub-stand-in")
        let command = self
        // Lives as long as the process: main waits for a signal, and then has this server stopped.
        let serving = Task {
            do { return try await command.serve(directory) } catch {
                command.fail(error, directory)
            }
        }
        if inputMatters() { try watchInput() }
        var signal: Int32 = 0
        while sigwait(&signals, &signal) != 0 {}
        // Ends the process; nobody waits for it.
        Task {
            await serving.value.stop()
            directory.remove()
            Glibc.exit(0)
        }
        while true { pause() }
    }

    private func serve(_ directory: TemporaryDirectory) async throws -> HubStandIn {
        var options = HubOptions()
        options.tls = !plain
        options.names = loopbackNames ? .loopback : .hub
        if let domain {
            options.names = HubNames(registry: "registry-1.\(domain)", auth: "auth.\(domain)", cdn: "cdn.\(domain)")
        }
        options.bytesPerSecond = rate
        options.latency = .milliseconds(latencyMs)
        options.allowance = HubAllowance(anonymous: allowance)
        options.cutsLinkEvery = cutEvery
        options.stateDirectory = state ?? directory.path("ca")
        let hub = try await HubStandIn.start(options)
        let images = try layout.isEmpty ? demo(hub, directory) : layouts(hub)
        say(hub, images)
        return hub
    }

    private func demo(_ hub: HubStandIn, _ directory: TemporaryDirectory) throws -> [JSON] {
        // The lowest level: most of the content is noise, which a higher one would take long to leave as it is.
        let factory = ImageFactory(directory: directory, compression: .gzip(level: 1))
        return try hub.addDemo(factory).map { image in
            ["name": .string(image.name), "digest": .string(image.digest.description), "size": .integer(image.size)]
        }
    }

    private func layouts(_ hub: HubStandIn) throws -> [JSON] {
        try layout.flatMap { path in
            let name = path.split(separator: "/").last.map { $0.lowercased() } ?? "layout"
            return try hub.content.addLayout(path, to: "library/\(name)").map { tag -> JSON in
                let digest = hub.content.digest(of: tag, in: "library/\(name)")
                return ["name": .string("\(name):\(tag)"), "digest": digest.map { JSON.string($0.description) } ?? nil]
            }
        }
    }

    private func say(_ hub: HubStandIn, _ images: [JSON]) {
        let line: JSON = [
            "port": .integer(Int64(hub.port)), "endpoint": .string(hub.endpoint), "registry": .string(hub.host),
            "realm": .string(hub.realm), "ca": hub.caFile.map(JSON.string) ?? nil,
            "resolve": .array(hub.resolve.map(JSON.string)), "images": .array(images),
        ]
        print(String(decoding: line.serialized(), as: UTF8.self))
        fflush(nil)
    }

    private func fail(_ error: any Error, _ directory: TemporaryDirectory) -> Never {
        directory.remove()
        HubStandInCommand.exit(withError: error)
    }
}

/// Blocks the signals that end the process, before there is a second thread to receive them.
private func blockedSignals() -> sigset_t {
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    return signals
}

/// False for /dev/null, which a service manager or a shell's background job gives, and which ends at once.
private func inputMatters() -> Bool {
    var status = stat()
    guard fstat(0, &status) == 0 else { return false }
    return status.st_mode & S_IFMT != S_IFCHR || isatty(0) != 0
}

/// Turns the end of standard input into the signal that main waits for.
private func watchInput() throws {
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { _ in
            var byte: UInt8 = 0
            while read(0, &byte, 1) > 0 {}
            kill(getpid(), SIGTERM)
            return nil
        }, nil)
    guard code == 0 else { throw StandInError.process("hub-stand-in", reason: "no thread, errno \(code)") }
    pthread_detach(thread)
}
