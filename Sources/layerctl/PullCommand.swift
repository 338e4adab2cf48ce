internal import ArgumentParser
internal import OCI

/// `layerctl pull`: what `docker pull` prints; on a terminal a line for each layer and one for the whole image.
struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Bring an image into the store, or bring it up to date.")

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Such as alpine, alpine:3.20 or ghcr.io/owner/name@sha256:…")
    var image: String

    @Option(help: ArgumentHelp("Instead of this machine's, such as linux/arm64.", valueName: "os/arch"))
    var platform: String?

    @Flag(name: [.short, .long], help: "Print the image's full name alone.")
    var quiet = false

    @Option(
        help: ArgumentHelp(
            "For a layerd that ends during the pull, which then goes on; 0 fails at once.",
            valueName: "seconds"))
    var wait: Int = 60

    /// A layerd that this very image brings down is not to be started for ever.
    private static let maximumCuts = 10

    func run() async throws {
        let reference = try reference()
        let display: any PullDisplay =
            if quiet { QuietDisplay() } else if standardOutput.isTerminal, let width = standardOutput.width {
                LiveDisplay(reference: reference, width: width)
            } else {
                PlainDisplay(reference: reference)
            }
        var query = [("image", reference.withDefaultTag.description)]
        if let platform { query.append(("platform", platform.lowercased())) }
        let failure = Shared<String?>(nil)
        if !quiet, reference.tag == nil, reference.digest == nil {
            standardOutput.write("Using default tag: latest\n")
        }
        let login = await DockerLogin.header(for: reference.repository.domain)
        let client = try global.client()
        try await overRestarts {
            try await client.post("/layerd/v1/pull", query: query, login: login) { line in
                let event = try PullLine(line)
                if case .failed(let message) = event { failure.withLock { $0 = message } }
                display.show(event)
            }
            if failure.withLock({ $0 == nil }), !display.end() { throw Failure.cut("the last line is missing") }
        }
        try finish(failure.withLock { $0 })
        standardOutput.write(reference.forPull.description + "\n")
    }

    /// Pulls again when layerd, restarted or upgraded meanwhile, is back: it has the bytes that came.
    private func overRestarts(_ pull: () async throws -> Void) async throws {
        var cuts = 0
        var end: ContinuousClock.Instant?
        while true {
            do {
                return try await pull()
            } catch Failure.cut(let reason) {
                cuts += 1
                guard wait > 0, cuts <= Self.maximumCuts else { throw Failure.cut(reason) }
                end = .now + .seconds(wait)
                if !quiet { standardError.write("layerd ended during the pull, which goes on when it is back\n") }
            } catch Failure.unreachable(let reason) {
                // Who was never there is not waited for.
                guard let end, .now < end else { throw Failure.unreachable(reason) }
            }
            // systemd needs some tenths of a second for a restart, and starts it for whom the socket holds.
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// - Throws: a usage error for what is no reference.
    private func reference() throws -> Reference {
        do {
            return try Reference(parsing: image)
        } catch let error {
            throw ValidationError("\(error)")
        }
    }

    private func finish(_ failure: String?) throws {
        guard let failure else { return }
        standardError.write(HumanText.printable(failure) + "\n")
        throw ExitCode(1)
    }
}

/// One line of the daemon's answer to a pull.
enum PullLine {
    struct Totals {
        var layers: Int64, layersDone: Int64, bytes: Int64, received: Int64
        /// `nil` while too little has come to tell.
        var bytesPerSecond: Int64?, etaSeconds: Int64?
    }

    case resolved(digest: String, upToDate: Bool)
    case layer(digest: String, state: String, current: Int64, total: Int64, retryAfter: Int64)
    case total(Totals)
    case done(digest: String, upToDate: Bool, fetched: Int64, blobs: Int64, shared: Int64)
    case failed(String)
    /// Of a later daemon; nothing depends on it.
    case unknown

    /// - Throws: ``Failure`` for a line without a type.
    init(_ json: JSON) throws {
        func text(_ key: String) -> String { json[key]?.string ?? "" }
        func number(_ key: String) -> Int64 { json[key]?.integer ?? 0 }
        switch json["type"]?.string {
        case "resolved": self = .resolved(digest: text("digest"), upToDate: json["upToDate"]?.bool ?? false)
        case "layer":
            self = .layer(
                digest: text("digest"), state: text("state"), current: number("current"), total: number("total"),
                retryAfter: number("retryAfterSeconds"))
        case "total":
            self = .total(
                Totals(
                    layers: number("layers"), layersDone: number("layersDone"), bytes: number("bytes"),
                    received: number("received"), bytesPerSecond: json["bytesPerSecond"]?.integer,
                    etaSeconds: json["etaSeconds"]?.integer))
        case "done":
            self = .done(
                digest: text("digest"), upToDate: json["upToDate"]?.bool ?? false, fetched: number("fetchedBytes"),
                blobs: number("fetchedBlobs"), shared: number("sharedBytes"))
        case "error": self = .failed(text("message"))
        case nil: throw Failure.refused("an answer that is not of layerd")
        default: self = .unknown
        }
    }
}
