internal import NIOHTTP1
internal import OCI
internal import Synchronization

/// Decides what a request is answered: the stand-in without its sockets.
final class HubRouter: Sendable {
    let options: HubOptions
    let content: HubContent
    let allowance: HubAllowanceCount
    let tokens = HubTokens()
    let urls = SignedURLs()
    /// Added to the machine's time, in seconds.
    private let offset = Atomic<Int64>(0)
    /// Known once the port is bound.
    private let boundPort = Atomic<Int>(0)

    init(options: HubOptions, content: HubContent) {
        self.options = options
        self.content = content
        allowance = HubAllowanceCount(options.allowance)
    }

    var port: Int {
        get { boundPort.load(ordering: .relaxed) }
        set { boundPort.store(newValue, ordering: .relaxed) }
    }

    /// Seconds since 1970 by the stand-in's clock.
    var now: Int64 { systemSeconds() + offset.load(ordering: .relaxed) }

    func advance(by seconds: Int64) { offset.wrappingAdd(seconds, ordering: .relaxed) }

    func url(_ host: String, _ path: String = "") -> String {
        "\(options.tls ? "https" : "http")://\(host):\(port)\(path)"
    }

    func answer(_ request: HubRequest) throws -> Answer {
        var answer = try route(request)
        if request.isHead { answer.sendsBody = false }
        return answer
    }

    private func route(_ request: HubRequest) throws -> Answer {
        let names = options.names
        let isRegistry = request.host == names.registry || names.aliases.contains(request.host)
        switch request.kind {
        case .token where request.host == names.auth: return tokenAnswer(request)
        case .cdn where request.host == names.cdn: return cdnAnswer(request)
        case .token, .cdn: return misdirected(request)
        case _ where !isRegistry: return misdirected(request)
        case .other: return Answer(404, [("Content-Type", "text/plain; charset=utf-8")], text: "404 page not found\n")
        default: return try registryAnswer(request)
        }
    }

    private func misdirected(_ request: HubRequest) -> Answer {
        Answer(421, [("Content-Type", "text/plain")], text: "\(request.host) does not serve \(request.path)\n")
    }

    private func registryAnswer(_ request: HubRequest) throws -> Answer {
        guard request.method == "GET" || request.isHead else {
            return .error(405, "UNSUPPORTED", "The operation is unsupported.", registryHeaders)
        }
        let account: String?
        switch authenticate(request) {
        case .refused(let answer): return answer
        case .granted(let name): account = name
        }
        switch request.kind {
        case .ping: return Answer(200, registryHeaders, json: [:])
        case .manifest: return manifestAnswer(request, account: account)
        case .tags: return tagsAnswer(request)
        case .blob: return try blobAnswer(request)
        default:
            return Answer(
                404, registryHeaders + [("Content-Type", "text/plain; charset=utf-8")], text: "404 page not found\n")
        }
    }

    var registryHeaders: [(String, String)] {
        var headers = [("Docker-Distribution-Api-Version", "registry/2.0")]
        if options.tls { headers.append(("Strict-Transport-Security", "max-age=31536000")) }
        return headers
    }
}
