internal import Hashing
internal import OCI
internal import Transport

extension RegistryClient {
    /// What the head tells; `nil` when it does not tell enough, and the document itself has to be asked for.
    func resolveByHead(_ subject: Subject, at upstream: Upstream) async throws -> Resolution? {
        var question = question(about: subject, at: upstream)
        question.method = .head
        let answer = try await session.ask(
            question, about: subject, at: upstream, into: HeadOnly(),
            tolerating: { upstream.role != .mirror && RegistryClient.isWorthGetting($0) })
        guard let answer else { return nil }
        let type = RegistryClient.type(in: answer.head.headers)
        if type?.isSchema1 == true { throw RegistryError.Reason.document(.schema1) }
        guard let type, type.isManifest || type.isIndex, let digest = RegistryClient.digest(in: answer.head.headers),
            let size = answer.head.contentLength, 1...Int64(Manifest.maximumSize) ~= size
        else { return nil }
        return Resolution(
            descriptor: Descriptor(mediaType: type, digest: digest, size: size), host: upstream.base.authority)
    }

    /// Whether GET may do better than a HEAD that got this status. Some registries refuse the method, and no refusal of
    /// it says why, for it has no body. (A mirror is simply passed over.)
    private static func isWorthGetting(_ status: Int) -> Bool {
        switch status {
        case 401, 403, 408, 429: false
        case 400...499, 501: true
        default: false
        }
    }

    /// The document itself, which tells everything.
    func resolveByGet(_ subject: Subject, _ wanted: Digest?, at upstream: Upstream) async throws -> Resolution {
        let body = DocumentBody(limit: Manifest.maximumSize)
        let answer = try await session.ask(
            question(about: subject, at: upstream), about: subject, at: upstream, into: body)
        let headers = answer?.head.headers ?? HTTPHeaders()
        let bytes = body.bytes
        // Before the digest: that of schema 1 is not of the bytes that are sent.
        if RegistryClient.type(in: headers)?.isSchema1 == true { throw RegistryError.Reason.document(.schema1) }
        let announced = RegistryClient.digest(in: headers)
        if let wanted { try check(bytes, wanted) }
        if let announced, wanted == nil || wanted?.algorithm == announced.algorithm { try check(bytes, announced) }
        let digest = wanted ?? announced ?? Digest.sha256(of: bytes)
        let type = try RegistryClient.type(in: headers, of: bytes)
        return Resolution(
            descriptor: Descriptor(mediaType: type, digest: digest, size: Int64(bytes.count)), body: bytes,
            host: upstream.base.authority)
    }

    /// A digest that does not parse says nothing.
    private static func digest(in headers: HTTPHeaders) -> Digest? {
        headers.first("Docker-Content-Digest").flatMap { try? Digest(parsing: $0) }
    }

    /// Without parameters, which mean nothing here.
    private static func type(in headers: HTTPHeaders) -> MediaType? {
        headers.first("Content-Type").map { value in
            MediaType(String(value.prefix { $0 != ";" && $0 != " " && $0 != "\t" }).lowercased())
        }
    }

    /// What a document is: as announced, where that names a type of manifests, else as it is built. Registries announce
    /// manifests as text, as bytes, even as configs.
    private static func type(in headers: HTTPHeaders, of bytes: [UInt8]) throws -> MediaType {
        let announced = type(in: headers)
        if let announced, announced.isManifest || announced.isIndex { return announced }
        do {
            switch try ManifestDocument(parsing: bytes, mediaType: nil) {
            case .manifest(let manifest): return manifest.mediaType ?? .ociManifest
            case .index(let index): return index.mediaType ?? .ociIndex
            }
        } catch {
            throw RegistryError.Reason.document(error)
        }
    }
}
