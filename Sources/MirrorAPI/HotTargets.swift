internal import Coordination
internal import OCI
internal import Serving

/// Requests for blobs in demand, as they came, and what each means: to take such a request apart again costs more than
/// to answer it.
///
/// What a target means depends on nothing that changes while the daemon runs. Whether the blob is here, and may be
/// read, is asked anew for each.
final class HotTargets: Sendable {
    struct Request: Hashable {
        let target: String
        let host: String
    }

    struct Meaning: Sendable {
        let digest: Digest
        /// Of the whole blob, out of the store.
        let headers: ServerHeaders
    }

    /// Of one image's layers for some clients each; more are begun anew with.
    private static let maximum = 512

    private let known = Locked<[Request: Meaning]>([:])

    subscript(request: Request) -> Meaning? { known.withLock { $0[request] } }

    func keep(_ request: Request, _ meaning: Meaning) {
        known.withLock { known in
            if known.count >= Self.maximum { known = [:] }
            known[request] = meaning
        }
    }
}
