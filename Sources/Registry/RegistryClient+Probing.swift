internal import Coordination
public import OCI
internal import Transport

/// Finds out about content without fetching it.
public protocol Prober: Sendable {
    /// The length in bytes of a blob that the registry would give, when it is asked now.
    ///
    /// Asked by a GET of the first byte and not by HEAD: addresses that a registry redirects to are signed for GET at
    /// some, and some registries know no HEAD for blobs (distribution#4383).
    /// - Throws: a ``RegistryError``, `notFound` among them, or `CancellationError`.
    func size(of digest: Digest, in repository: Repository, credential: Credential?) async throws -> Int64

    /// What refers to the manifest `digest`, as an image index; `nil` when the registry has no such list.
    /// - Throws: a ``RegistryError``, or `CancellationError`.
    func referrers(of digest: Digest, in repository: Repository, credential: Credential?) async throws -> [UInt8]?
}

extension RegistryClient: Prober {
    public func size(of digest: Digest, in repository: Repository, credential: Credential?) async throws -> Int64 {
        let subject = Subject(.content(Descriptor(mediaType: .octets, digest: digest, size: 0)), in: repository)
        return try await asking(about: subject, credential) { upstream in
            var question = question(about: subject, at: upstream)
            question.headers.set("Range", "bytes=0-0")
            question.total = Wire.documentTime
            let taker = LengthOnly()
            do {
                try await session.ask(question, about: subject, at: upstream, into: taker)
            } catch is LengthOnly.Known {
                // The rest of a body that nobody asked for.
            }
            guard let size = taker.size else {
                throw RegistryError.Reason.mismatch("it does not tell the length of \(digest)")
            }
            return size
        }
    }

    public func referrers(
        of digest: Digest, in repository: Repository, credential: Credential?
    ) async throws -> [UInt8]? {
        let subject = Subject(.referrers(digest), in: repository)
        return try await asking(about: subject, credential) { upstream in
            let body = DocumentBody(limit: Index.maximumSize)
            var question = question(about: subject, at: upstream)
            question.mayBeElsewhere = false
            do {
                let answer = try await session.ask(
                    question, about: subject, at: upstream, into: body,
                    tolerating: { (400...499).contains($0) && $0 != 429 && $0 != 401 && $0 != 408 })
                return answer.map { _ in body.bytes }
            } catch RegistryError.Reason.unsafeRedirect {
                // GHCR has no such list, and sends to a page for people.
                return nil
            }
        }
    }
}

extension MediaType {
    fileprivate static let octets = MediaType("application/octet-stream")
}

/// Reads off an answer how long the blob is, and takes nothing of it.
private final class LengthOnly: AnswerTaker {
    /// All that was asked for is known.
    struct Known: Error {}

    private let found = Locked<Int64?>(nil)

    var size: Int64? { found.withLock { $0 } }

    func judge(_ head: HTTPResponseHead) throws -> Bool {
        switch head.status {
        case 200:
            found.withLock { $0 = head.contentLength }
            if (head.contentLength ?? .max) > 4096 { throw Known() }
            return true
        case 206:
            found.withLock { $0 = ContentRange(head.headers.first("Content-Range") ?? "")?.total }
            if (head.contentLength ?? .max) > 4096 { throw Known() }
            return true
        case 416:
            // Of an empty blob there is no first byte: `bytes */0`.
            guard head.headers.first("Content-Range")?.hasSuffix("/0") == true else { return false }
            found.withLock { $0 = 0 }
            throw Known()
        default: return false
        }
    }

    func take(_ bytes: RawSpan) {}
}
