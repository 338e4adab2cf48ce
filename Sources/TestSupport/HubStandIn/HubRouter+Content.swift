internal import NIOHTTP1
internal import OCI

// Manifests, tags and blobs.
extension HubRouter {
    func manifestAnswer(_ request: HubRequest, account: String?) -> Answer {
        let reference = request.reference ?? ""
        guard let found = content.manifest(reference, in: request.repository ?? "") else {
            let isDigest = reference.contains(":")
            let detail: JSON = isDigest ? .string("unknown manifest \(reference)") : ["Tag": .string(reference)]
            return .error(404, "MANIFEST_UNKNOWN", "manifest unknown", detail: detail, registryHeaders)
        }
        let type = found.manifest.mediaType
        guard accepts(request, type) else {
            let what = type.isIndex ? "index" : "manifest"
            let message = "OCI \(what) found, but Accept header does not support \(type)"
            return .error(404, "MANIFEST_UNKNOWN", message, registryHeaders)
        }
        let asked = allowance.ask(account, counts: !request.isHead)
        if let refusal = asked.refused { return tooMany(asked.headers, refusal) }
        let headers =
            registryHeaders + asked.headers + [
                ("Docker-Content-Digest", found.digest.description), ("Etag", "\"\(found.digest)\""),
            ]
        if request.header("if-none-match") == "\"\(found.digest)\"" { return Answer(304, headers) }
        return Answer(200, [("Content-Type", type.text)] + headers, source: found.manifest.source)
    }

    private func tooMany(_ headers: [(String, String)], _ allowance: HubAllowance) -> Answer {
        let message =
            "You have reached your unauthenticated pull rate limit. You may increase the limit by authenticating and "
            + "upgrading: https://www.docker.com/increase-rate-limit"
        let wait = allowance.retryAfter.map { [("Retry-After", $0)] } ?? []
        return .error(429, "TOOMANYREQUESTS", message, registryHeaders + headers + wait)
    }

    /// Whether a request's Accept headers, in one line or several, take a type. Without any, everything is taken.
    private func accepts(_ request: HubRequest, _ type: MediaType) -> Bool {
        let wanted = request.headers[canonicalForm: "accept"].map { $0.split(separator: ";").first ?? "" }
        return wanted.isEmpty || wanted.contains { $0 == type.text || $0 == "*/*" || $0 == "application/*" }
    }

    func tagsAnswer(_ request: HubRequest) -> Answer {
        let repository = request.repository ?? ""
        guard let all = content.tags(of: repository) else {
            let detail: JSON = ["name": .string(repository)]
            return .error(404, "NAME_UNKNOWN", "repository name not known to registry", detail: detail, registryHeaders)
        }
        let value = { (name: String) in request.query.first { $0.name == name }?.value }
        let rest = all.filter { $0 > (value("last") ?? "") }
        let number = value("n").flatMap(Int.init) ?? options.tagsPerPage ?? rest.count
        let page = Array(rest.prefix(max(0, number)))
        var headers = registryHeaders
        if page.count < rest.count, let last = page.last {
            let path = "/v2/\(repository)/tags/list?last=\(last)&n=\(number)"
            headers.append(("Link", "<\(url(options.names.registry, path))>; rel=\"next\""))
        }
        return Answer(200, headers, json: ["name": .string(repository), "tags": .array(page.map(JSON.string))])
    }

    func blobAnswer(_ request: HubRequest) throws -> Answer {
        guard let digest = request.digest else {
            return .error(400, "DIGEST_INVALID", "provided digest did not match uploaded content", registryHeaders)
        }
        guard let blob = content.blob(digest, in: request.repository ?? "") else {
            let detail: JSON = .string("unknown blob \(digest)")
            return .error(404, "BLOB_UNKNOWN", "blob unknown to registry", detail: detail, registryHeaders)
        }
        guard options.redirectsBlobs else {
            let headers = [("Docker-Content-Digest", digest.description), ("Etag", "\"\(digest)\"")]
            return bytes(of: blob, request, registryHeaders + headers)
        }
        let target = urls.target(digest, expires: now + options.signedURLLifetime.components.seconds)
        let location = ("Location", url(options.names.cdn, target))
        return Answer(307, registryHeaders + [("Content-Type", "application/octet-stream"), location])
    }

    func cdnAnswer(_ request: HubRequest) -> Answer {
        guard request.method == "GET" || request.isHead else {
            return .xml(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        }
        guard !request.headers.contains(name: "authorization") else {
            return .xml(400, "InvalidArgument", "Only one auth mechanism allowed; only the signed URL should be given.")
        }
        switch urls.judge(request, now: now) {
        case .expired: return .xml(403, "AccessDenied", "Request has expired")
        case .forged: return .xml(403, "SignatureDoesNotMatch", "The request signature does not match.")
        case .good: break
        }
        guard let digest = request.digest, let blob = content.blob(digest) else {
            return .xml(404, "NoSuchKey", "The specified key does not exist.")
        }
        let headers = [("Server", "AmazonS3"), ("Cache-Control", "public, max-age=14400"), ("X-Cache", "Hit")]
        return bytes(of: blob, request, headers)
    }

    private func bytes(of blob: any BlobSource, _ request: HubRequest, _ headers: [(String, String)]) -> Answer {
        let headers = headers + [("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes")]
        switch ByteRange(request.header("range"), size: blob.size) {
        case .whole: return Answer(200, headers, source: blob)
        case .part(let range):
            let place = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(blob.size)"
            return Answer(206, headers + [("Content-Range", place)], source: blob, range: range)
        case .unsatisfiable: return Answer(416, headers + [("Content-Range", "bytes */\(blob.size)")])
        }
    }
}
