import FoundationEssentials
import OCI
import TestSupport

/// What the `curl` command saw of one answer.
struct CurlAnswer {
    /// curl's exit status: 0; 18 for a body cut short, 28 for a timeout, 52 for no answer, 56 for a reset.
    var exit: Int32
    /// Of the last answer; 0 when there was none.
    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]

    func header(_ name: String) -> String? { headers.last { $0.name == name.lowercased() }?.value }
    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSON? { try? JSON(parsing: body) }
}

extension HubStandIn {
    /// Asks with the `curl` command, which trusts the stand-in's CA and knows where its names are.
    func curl(_ url: String, token: String? = nil, _ arguments: [String] = []) async throws -> CurlAnswer {
        let directory = try TemporaryDirectory("curl")
        var all = ["-sS", "--max-time", "20", "-D", directory.path("headers"), "-o", directory.path("body")]
        all += ["-w", "%{http_code}", "--noproxy", "*"] + resolve.flatMap { ["--resolve", $0] }
        if let caFile { all += ["--cacert", caFile] }
        if let token { all += ["-H", "Authorization: Bearer \(token)"] }
        let result = try await runProcess("curl", all + arguments + [url])
        let isThere = { Files.size(directory.path($0)) != nil }
        let head = isThere("headers") ? try Files.read(directory.path("headers")) : []
        let lines = String(decoding: head, as: UTF8.self).split(whereSeparator: \.isNewline)
        let start = lines.lastIndex { $0.hasPrefix("HTTP/") } ?? 0
        let headers = lines[start...].compactMap { line -> (String, String)? in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            return (parts[0].lowercased(), String(parts[1].drop { $0 == " " }))
        }
        return CurlAnswer(
            exit: result.status, status: Int(result.output) ?? 0, headers: headers,
            body: isThere("body") ? try Files.read(directory.path("body")) : [])
    }

    /// A token to pull from a repository.
    func token(for repository: String, _ arguments: [String] = []) async throws -> String {
        let url = "\(realm)?service=registry.docker.io&scope=repository:\(repository):pull"
        let answer = try await curl(url, arguments)
        return answer.json?["token"]?.string ?? "no token"
    }

    func blobURL(_ digest: Digest, of repository: String) -> String { "\(endpoint)/v2/\(repository)/blobs/\(digest)" }

    func manifestURL(_ reference: String, of repository: String) -> String {
        "\(endpoint)/v2/\(repository)/manifests/\(reference)"
    }
}

/// A stand-in with one generated image as `layerd/one:latest`, over plain HTTP unless told otherwise.
func hubWithImage(_ change: (inout HubOptions) -> Void = { _ in }) async throws -> (HubStandIn, GeneratedImage) {
    var options = HubOptions()
    options.tls = false
    change(&options)
    let hub = try await HubStandIn.start(options)
    let factory = ImageFactory()
    let image = try factory.webPing(on: factory.baseShared())
    hub.content.add(image, to: "layerd/one")
    return (hub, image)
}

/// Where the shared corpus is; `nil` when this machine has none.
let corpus: String? = {
    let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    let shared = ProcessInfo.processInfo.environment["LAYERD_SHARED"] ?? "\(root)/../shared"
    let path = "\(shared)/corpus/public"
    return FileManager.default.fileExists(atPath: path) ? path : nil
}()
