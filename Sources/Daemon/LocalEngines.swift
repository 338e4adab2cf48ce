internal import Coordination
internal import FoundationEssentials
internal import Keyring
internal import OCI
internal import Serving
internal import Transport
internal import Warming

/// Has the machine's engines pull from the mirror, wired to it or not: by the mirror's own address, and the image
/// gets its own name afterwards. An image that is named by digest alone is pulled by its own name, which only an engine
/// that is wired to the mirror has from there.
///
/// docker is asked over its socket (`DOCKER_HOST`); podman and ctr are run, and find their daemons by `CONTAINER_HOST`,
/// `CONTAINERD_ADDRESS` and `CONTAINERD_NAMESPACE` as they do by hand.
final class LocalEngines: EngineFeeder {
    /// Unpacking a large image on a slow disk takes minutes.
    private static let patience: Duration = .seconds(3600)

    private let http: any HTTPClient
    private let environment: [String: String]
    private let place = Locked(BoundAddress?.none)

    init(http: any HTTPClient, environment: [String: String] = ProcessInfo.processInfo.environment) {
        self.http = http
        self.environment = environment
    }

    /// Where the mirror listens: of several places one that only this machine reaches.
    func mirrorListens(at addresses: [BoundAddress]) {
        let local = addresses.first { Configuration.isLoopback("\($0)") }
        place.withLock { $0 = local ?? addresses.first }
    }

    func feed(_ engine: WarmEngine, _ reference: Reference, digest: Digest, platform: Platform?) async throws {
        let mirror = try await mirror()
        let isLocal = Configuration.isLoopback("\(mirror)")
        // 0.0.0.0 and [::] are no addresses to ask.
        let host = isLocal ? "\(mirror)" : "127.0.0.1:\(mirror.port ?? 0)"
        let image = EngineImage(reference, digest: digest, mirror: host, platform: platform)
        switch engine {
        case .docker: try await DockerEngine(http, socket: try dockerSocket()).take(image)
        case .podman: try await podman(image, isPlain: isLocal)
        case .containerd: try await containerd(image, isPlain: isLocal)
        }
    }

    /// It may begin to listen a moment after the first list is there.
    private func mirror() async throws -> BoundAddress {
        for _ in 0..<50 {
            if let place = place.withLock({ $0 }) { return place }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw EngineError.noMirror
    }

    private func dockerSocket() throws -> String {
        let host = environment["DOCKER_HOST"] ?? ""
        guard !host.isEmpty else { return "/var/run/docker.sock" }
        guard host.hasPrefix("unix://") else { throw EngineError.notLocal(host) }
        return String(host.dropFirst(7))
    }

    private func podman(_ image: EngineImage, isPlain: Bool) async throws {
        let start = environment["CONTAINER_HOST"].map { $0.isEmpty ? [] : ["--remote"] } ?? []
        let platform = image.platform.map { ["--platform", $0] } ?? []
        let plain = isPlain ? ["--tls-verify=false"] : []
        try await run("podman", start + ["pull", "-q"] + plain + platform + [image.pulled])
        guard let name = image.name else { return }
        try await run("podman", start + ["tag", image.pulled, name])
        try await run("podman", start + ["untag", name, image.pulled])
    }

    private func containerd(_ image: EngineImage, isPlain: Bool) async throws {
        let platform = image.platform.map { ["--platform", $0] } ?? []
        try await run("ctr", ["images", "pull"] + (isPlain ? ["--plain-http"] : []) + platform + [image.pulled])
        guard let name = image.name else { return }
        try await run("ctr", ["images", "tag", "--force", image.pulled, name])
        try await run("ctr", ["images", "rm", image.pulled])
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let process = HelperProcess(program: program, arguments: arguments, hearing: .talk)
        let outcome = await process.run(patience: Self.patience, limit: 8 << 10)
        try Task.checkCancellation()
        switch outcome {
        case .ended(let end) where end.status == 0: return
        case .ended(let end):
            let last = String(decoding: end.output, as: UTF8.self).split(whereSeparator: \.isNewline).last ?? ""
            throw EngineError.failed(
                "\(program) \(arguments.prefix(2).joined(separator: " ")) ended with status \(end.status): \(last)")
        case .absent: throw EngineError.failed("there is no program \(program) on the PATH")
        case .tooSlow: throw EngineError.failed("\(program) took longer than an hour and was ended")
        case .tooMuch: throw EngineError.failed("\(program) said too much and was ended")
        case .broken(let reason): throw EngineError.failed("\(program) cannot be run: \(reason)")
        }
    }
}

/// An image as an engine is told of it.
struct EngineImage: Sendable {
    /// What it pulls, and where that has a tag, `tag`.
    let pulled: String
    let repository: String, tag: String
    /// The name it gets then; `nil` where it has it already.
    let name: String?, own: Reference
    let platform: String?

    init(_ reference: Reference, digest: Digest, mirror: String, platform: Platform?) {
        own = reference.forPull
        self.platform = platform.map { "\($0)" }
        if let tag = own.tag, own.digest == nil {
            repository = "\(mirror)/\(own.repository)"
            self.tag = tag
            pulled = "\(repository):\(tag)"
            name = "\(own)"
        } else {
            repository = "\(own.repository)"
            tag = "\(own.digest ?? digest)"
            pulled = "\(repository)@\(tag)"
            name = nil
        }
    }
}

/// What keeps an engine from having an image.
enum EngineError: Fault {
    case noMirror
    /// `DOCKER_HOST` is no socket of this machine.
    case notLocal(String)
    case failed(String)

    var kind: FaultKind { .unavailable(retryAfter: nil) }
    var description: String {
        switch self {
        case .noMirror: "the mirror is not listening, and engines pull from it: see [mirror] listen"
        case .notLocal(let host): "DOCKER_HOST is \(host), and only docker's socket on this machine (unix://…) will do"
        case .failed(let reason): reason
        }
    }
}
