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
        guard request.method == "GET", request.path.hasPrefix("/v2/"), request.query.isEmpty,
            let slash = request.path.utf8.lastIndex(of: UInt8(ascii: "/")),
            request.path[..<slash].hasSuffix("/blobs")
        else { return nil }
        do {
            let digest = try Digest(parsing: String(request.path[request.path.utf8.index(after: slash)...]))
            guard let file = content.blobNow(digest) else { return nil }
            try gate.check(request)
            // What is asked for under no name that could be one is not given, hot or not.
            guard case .blob = try MirrorTarget(request, serves: { content.serves($0) }).endpoint else { return nil }
            return answer(.whole(file), digest, request)
        } catch {
            // The long way says what is wrong.
            return nil
        }
    }

    private func answer(_ blob: MirroredBlob, _ digest: Digest, _ request: ServerRequest) -> ServerResponse {
        let etag = "\"\(digest)\""
        var response = ServerResponse(status: 200)
        response.addCommonHeaders()
        response.headers.add("Content-Type", "application/octet-stream")
        response.headers.add("Docker-Content-Digest", digest.description)
        response.headers.add("ETag", etag)
        response.headers.add("Accept-Ranges", "bytes")
        response.headers.add("Cache-Control", "max-age=31536000")
        response.headers.add("X-Layerd-Source", blob.source.rawValue)
        if Precondition.isUnchanged(request, etag: etag) {
            response.status = 304
            return response
        }
        let size = blob.size
        let asked = Precondition.allowsRange(request, etag: etag) ? request.headers.first("Range") : nil
        switch ByteRange(asked, size: size) {
        case .outside:
            response.status = 416
            response.headers.set("Content-Range", "bytes */\(size)")
            response.headers.remove("Cache-Control")
        case .whole: response.setBody(blob, 0..<size)
        case .part(let range):
            response.status = 206
            response.headers.set("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
            response.setBody(blob, range)
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

extension ServerResponse {
    fileprivate mutating func setBody(_ blob: MirroredBlob, _ range: Range<Int64>) {
        let length = range.upperBound - range.lowerBound
        switch blob {
        case .whole(let file):
            body = .file(descriptor: file.descriptor, offset: range.lowerBound, length: length, owner: file)
        case .following(let feed, _):
            headers.add("Content-Length", String(length))
            // A stream that throws, or ends early, is cut short of its length, and nothing is appended.
            body = .stream { writer in
                var cursor = BlobFeed.Cursor(range)
                while let piece = try await feed.next(&cursor) {
                    try await writer.write(
                        file: piece.descriptor, offset: piece.offset, length: piece.length, owner: piece.owner)
                }
            }
        case .known: headers.add("Content-Length", String(length))
        }
    }
}

/// A blob that cannot be had, in the specification's word for it.
struct BlobUnknown: CodedFault {
    let sentence: String
    var code: String { "BLOB_UNKNOWN" }
    var kind: FaultKind { .notFound }
    var description: String { sentence }
}
