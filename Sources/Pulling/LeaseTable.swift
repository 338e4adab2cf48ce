internal import Coordination
internal import OCI

/// Who counts on which blob, and which blobs are being removed: never both.
///
/// A blob is claimed for removal under the same lock under which a pull puts it under its lease, before it asks whether
/// the blob is here. So whoever was told "it is here" still has it when the answer is used, and whoever asks too late
/// is told that it is gone.
struct LeaseTable {
    /// Leases on each blob.
    private var holds: [Digest: Int] = [:]
    /// Blobs being removed, each with those who wait to hold it.
    private var claims: [Digest: [Wait<Void>]] = [:]
    /// Blobs that were to be removed while somebody held them.
    private var deferred: Set<Digest> = []

    /// Takes one hold; while the blob is being removed, `wait` is kept for the end of that, and nothing is held.
    mutating func hold(_ digest: Digest, orWait wait: Wait<Void>) -> Bool {
        if claims[digest] != nil {
            claims[digest]?.append(wait)
            return false
        }
        holds[digest, default: 0] += 1
        return true
    }

    /// Gives holds back; returns the blobs whose removal waited for that.
    mutating func release(_ digests: some Sequence<Digest>) -> [Digest] {
        var due: [Digest] = []
        for digest in digests {
            guard let count = holds[digest] else { continue }
            holds[digest] = count > 1 ? count - 1 : nil
            if count == 1, deferred.contains(digest) { due.append(digest) }
        }
        return due
    }

    /// Claims those that nobody holds or removes. The others are remembered for when they are released.
    mutating func claim(_ digests: some Sequence<Digest>) -> [Digest] {
        var claimed: [Digest] = []
        for digest in digests {
            if holds[digest] != nil {
                deferred.insert(digest)
            } else if claims[digest] == nil {
                claims[digest] = []
                deferred.remove(digest)
                claimed.append(digest)
            }
        }
        return claimed
    }

    /// Ends claims; returns who waited for that.
    mutating func end(_ claimed: [Digest]) -> [Wait<Void>] {
        claimed.flatMap { claims.removeValue(forKey: $0) ?? [] }
    }

    func isHeld(_ digest: Digest) -> Bool { holds[digest] != nil }

    /// Blobs that somebody holds now.
    var held: Set<Digest> { Set(holds.keys) }
    var heldCount: Int { holds.count }

    /// Blobs whose removal waited and that nobody holds any more: a lease was dropped without being ended.
    var due: [Digest] { deferred.filter { holds[$0] == nil } }
}
