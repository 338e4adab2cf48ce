internal import Catalogue
internal import OCI
internal import Pulling
internal import Serving
internal import Storage

extension MirrorRoutes {
    /// Whole or in part, out of the store or as it comes in.
    func blobAnswer(
        _ digest: Digest, _ repository: Repository, _ request: ServerRequest
    ) async throws -> ServerResponse {
        let blob: MirroredBlob
        do {
            blob = try await content.blob(digest, in: repository, headOnly: request.method == "HEAD")
        } catch let fault as any Fault where fault.kind == .notFound || fault.kind == .unauthenticated {
            throw BlobUnknown(sentence: fault.description)
        }
        return answer(blob, digest, request)
    }

    /// A blob that is hot is answered on the connection's own thread, before anything else is looked at that is not
    /// needed to answer.
    func quickBlob(_ request: ServerRequest) -> ServerResponse? {
        guard request.method == "GET", let host = request.headers.first("Host"),
            !Self.unusual.contains(where: { request.headers.first($0) != nil })
        else { return nil }
        let key = HotTargets.Request(target: request.target, host: host)
        guard let meaning = hot[key] ?? understand(request, key), let file = content.blobNow(meaning.digest) else {
            return nil
        }
        let reading = content.reading(meaning.digest, bytes: file.size)
        return ServerResponse(
            status: 200, headers: meaning.headers,
            body: .file(descriptor: file.descriptor, offset: 0, length: file.size, owner: Read(file, reading)))
    }

    /// What makes an answer another than that of the whole blob.
    private static let unusual = ["Range", "If-None-Match", "If-Range", "Origin", "Sec-Fetch-Site"]

    private func understand(_ request: ServerRequest, _ key: HotTargets.Request) -> HotTargets.Meaning? {
        guard request.path.contains("/blobs/") else { return nil }
        do {
            try gate.check(request)
            // What is asked for under no name that could be one is not given, hot or not.
            let target = try MirrorTarget(request, serves: { content.serves($0) })
            guard case .blob(_, let digest) = target.endpoint else { return nil }
            var headers = Self.headers(of: digest, .hit)
            if let namespace = target.namespace { headers.set("OCI-Namespace", namespace) }
            let meaning = HotTargets.Meaning(digest: digest, headers: headers)
            if content.blobNow(digest) != nil { hot.keep(key, meaning) }
            return meaning
        } catch {
            // The long way says what is wrong.
            return nil
        }
    }

    private static func headers(of digest: Digest, _ source: MirrorSource) -> ServerHeaders {
        var response = ServerResponse(status: 200)
        response.addCommonHeaders()
        response.headers.add("Content-Type", "application/octet-stream")
        response.headers.add("Docker-Content-Digest", digest.description)
        response.headers.add("ETag", "\"\(digest)\"")
        response.headers.add("Accept-Ranges", "bytes")
        response.headers.add("Cache-Control", "max-age=31536000")
        response.headers.add("X-Layerd-Source", source.rawValue)
        return response.headers
    }

    private func answer(_ blob: MirroredBlob, _ digest: Digest, _ request: ServerRequest) -> ServerResponse {
        let etag = "\"\(digest)\""
        var response = ServerResponse(status: 200, headers: Self.headers(of: digest, blob.source))
        if Precondition.isUnchanged(request, etag: etag) {
            response.status = 304
            return response
        }
        let size = blob.size
        // Ranges are defined for GET alone (RFC 9110, 14.2).
        let isRanged = request.method == "GET" && Precondition.allowsRange(request, etag: etag)
        let body = BlobBody(blob: blob, reading: content.reading(digest, bytes: size))
        switch ByteRange(isRanged ? request.headers.first("Range") : nil, size: size) {
        case .outside:
            response.status = 416
            response.headers.set("Content-Range", "bytes */\(size)")
            response.headers.remove("Cache-Control")
        case .whole: body.give(0..<size, to: &response)
        case .part(let range):
            response.status = 206
            response.headers.set("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
            body.give(range, to: &response)
        case .parts(let ranges):
            response.status = 206
            body.give(Multipart(ranges, of: size), to: &response)
        }
        return response
    }
}

extension MirroredBlob {
    fileprivate var source: MirrorSource {
        switch self {
        case .whole: .hit
        case .following(_, let source): source
        case .known: .upstream
        }
    }
}

/// Somebody is being given bytes of a blob: the file stays open and the blob in use for as long as this is held.
private final class Read: Sendable {
    private let file: BlobFile
    private let reading: ImageReading?

    init(_ file: BlobFile, _ reading: ImageReading?) {
        self.file = file
        self.reading = reading
    }
}

/// A blob on its way into an answer.
private struct BlobBody: Sendable {
    let blob: MirroredBlob
    let reading: ImageReading?

    func give(_ range: Range<Int64>, to response: inout ServerResponse) {
        let length = range.upperBound - range.lowerBound
        switch blob {
        case .whole(let file):
            response.body = .file(
                descriptor: file.descriptor, offset: range.lowerBound, length: length, owner: Read(file, reading))
        case .following:
            response.headers.add("Content-Length", String(length))
            response.body = .stream { writer in try await send(range, to: writer) }
        case .known: response.headers.add("Content-Length", String(length))
        }
    }

    func give(_ parts: Multipart, to response: inout ServerResponse) {
        response.headers.set("Content-Type", parts.contentType)
        response.headers.add("Content-Length", String(parts.length))
        response.body = .stream { writer in
            try await parts.write(to: writer) { range in try await send(range, to: writer) }
        }
    }

    /// A stream that throws, or ends early, is cut short of its length, and nothing is appended.
    private func send(_ range: Range<Int64>, to writer: any ResponseWriter) async throws {
        switch blob {
        case .whole(let file):
            try await writer.write(
                file: file.descriptor, offset: range.lowerBound, length: range.upperBound - range.lowerBound,
                owner: file)
        case .following(let feed, _):
            var cursor = BlobFeed.Cursor(range)
            while let piece = try await feed.next(&cursor) {
                try await writer.write(
                    file: piece.descriptor, offset: piece.offset, length: piece.length, owner: piece.owner)
            }
        case .known: break
        }
        withExtendedLifetime(reading) {}
    }
}

/// A blob that cannot be had, in the specification's word for it.
struct BlobUnknown: CodedFault {
    let sentence: String
    var code: String { "BLOB_UNKNOWN" }
    var kind: FaultKind { .notFound }
    var description: String { sentence }
}
