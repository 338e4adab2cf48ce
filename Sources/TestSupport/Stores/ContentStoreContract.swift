internal import Coordination
internal import Hashing
internal import OCI
public import Storage

/// One thing that every content store promises, checked on an empty store.
public struct StoreClause: Sendable, CustomStringConvertible {
    /// The promise, as a sentence.
    public let description: String
    /// Does what the promise is about.
    /// - Throws: ``StoreViolation`` when it is broken; what the store throws unasked.
    public let check: @Sendable (any ContentStore) async throws -> Void

    init(_ description: String, _ check: @escaping @Sendable (any ContentStore) async throws -> Void) {
        self.description = description
        self.check = check
    }
}

/// A store does not do what the protocol says.
public struct StoreViolation: Error, CustomStringConvertible {
    public let description: String
}

/// What `ContentStore` promises. Run every clause on a new store of each kind there is.
public let contentStoreContract: [StoreClause] =
    storingClauses + refusingClauses + resumingClauses + sharingClauses + stretchClauses

private let storingClauses = [
    StoreClause("a blob reads back as it was stored") { store in
        let blob = SampleBlob(count: 300_000)
        try require(try await store.size(of: blob.digest) == nil, "an empty store has the blob")
        try require(try await store.ingest(blob) == .stored, "the outcome is not stored")
        try require(try await store.size(of: blob.digest) == Int64(blob.bytes.count), "the size is another")
        try require(try await store.read(blob.digest, limit: blob.bytes.count) == blob.bytes, "the bytes are others")
        try require(try await store.list() == [blob.digest], "the list is another")
        try require(try await store.open(blob.digest).size == Int64(blob.bytes.count), "the open size is another")
    },
    StoreClause("a blob named by SHA-512 is stored as well") { store in
        let blob = SampleBlob(count: 1000, algorithm: .sha512)
        try await store.ingest(blob)
        try require(try await store.read(blob.digest, limit: 1000) == blob.bytes, "the bytes are others")
    },
    StoreClause("a blob of no bytes is a blob") { store in
        let blob = SampleBlob(count: 0)
        try require(try await store.ingest(blob) == .stored, "the outcome is not stored")
        try require(try await store.size(of: blob.digest) == 0, "it is not there")
        try require(try await store.read(blob.digest, limit: 0).isEmpty, "it has bytes")
    },
    StoreClause("a blob that is there is not filled again") { store in
        let blob = SampleBlob(count: 1000)
        try await store.ingest(blob)
        let outcome = try await store.ingest(blob.descriptor) { _ in throw StoreViolation(description: "filled") }
        try require(outcome == .alreadyPresent, "the outcome is not alreadyPresent")
    },
    StoreClause("a removed blob is gone, stays readable where it is open, and can come again") { store in
        let blob = SampleBlob(count: 1000)
        try await store.ingest(blob)
        let open = try await store.open(blob.digest)
        try await store.remove(blob.digest)
        try await store.remove(blob.digest)
        try require(try await store.size(of: blob.digest) == nil, "it is still there")
        try require(open.size == 1000 && open.descriptor >= 0, "the open file is gone")
        try await require(.notFound) { _ = try await store.open(blob.digest) }
        try await require(.notFound) { _ = try await store.read(blob.digest, limit: 1000) }
        try require(try await store.ingest(blob) == .stored, "it does not come again")
    },
]

private let refusingClauses = [
    StoreClause("bytes of another digest are refused and dropped") { store in
        let blob = SampleBlob(count: 1000)
        let wrong = SampleBlob(count: 1000, seed: 7)
        try await require(.integrity) {
            try await store.ingest(blob.descriptor) { try $0.append(wrong.bytes.span.bytes) }
        }
        try await checkNothingHeld(of: blob, in: store)
    },
    StoreClause("too few bytes are refused and dropped") { store in
        let blob = SampleBlob(count: 1000)
        try await require(.integrity) { try await store.ingest(blob.descriptor) { try $0.append(blob, 0..<999) } }
        try await checkNothingHeld(of: blob, in: store)
    },
    StoreClause("the first byte too many is refused, and all are dropped") { store in
        let blob = SampleBlob(count: 1000)
        try await require(.integrity) {
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(blob, 0..<1000)
                try writer.append(blob, 0..<1)
            }
        }
        try await checkNothingHeld(of: blob, in: store)
    },
    StoreClause("a writer that failed fails the ingest, whatever its filler says") { store in
        let blob = SampleBlob(count: 1000)
        try await require(.integrity) {
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(blob, 0..<1000)
                do { try writer.append(blob, 0..<1) } catch {}
            }
        }
        try await checkNothingHeld(of: blob, in: store)
    },
    StoreClause("a negative size is refused") { store in
        var descriptor = SampleBlob(count: 10).descriptor
        descriptor.size = -1
        try await require(.invalidInput) { [descriptor] in try await store.ingest(descriptor) { _ in } }
    },
    StoreClause("a descriptor that lies about the size of a blob does not drive it out") { store in
        let blob = SampleBlob(count: 1000)
        try await store.ingest(blob)
        var lie = blob.descriptor
        lie.size = 999
        try await require(.integrity) { [lie] in try await store.ingest(lie) { _ in } }
        try require(try await store.read(blob.digest, limit: 1000) == blob.bytes, "the blob is gone")
    },
    StoreClause("a blob longer than the caller can take is not read") { store in
        let blob = SampleBlob(count: 1000)
        try await store.ingest(blob)
        try await require(.invalidInput) { _ = try await store.read(blob.digest, limit: 999) }
    },
    StoreClause("a writer takes nothing after its filler has ended") { store in
        let blob = SampleBlob(count: 1000)
        let kept = Locked<(any BlobWriter)?>(nil)
        try await store.ingest(blob.descriptor) { writer in
            kept.withLock { $0 = writer }
            try writer.append(blob, 0..<1000)
        }
        let writer = kept.withLock { $0 }
        try await require(.internalFailure) { try writer?.append(blob, 0..<1) }
    },
]

private func checkNothingHeld(of blob: SampleBlob, in store: any ContentStore) async throws {
    try require(try await store.size(of: blob.digest) == nil, "the blob shows under its name")
    let outcome = try await store.ingest(blob.descriptor) { writer in
        try require(writer.offset == 0, "bytes were held: \(writer.offset)")
        try writer.append(blob, 0..<blob.bytes.count)
    }
    try require(outcome == .stored, "the next attempt does not store it")
}

/// - Throws: ``StoreViolation`` with what was found instead.
func require(_ holds: Bool, _ found: String) throws {
    if !holds { throw StoreViolation(description: found) }
}

/// - Throws: ``StoreViolation`` unless `work` throws a fault of that kind.
func require(_ kind: FaultKind, _ work: () async throws -> Void) async throws {
    do { try await work() } catch let fault as any Fault where fault.kind == kind { return } catch {
        throw StoreViolation(description: "it failed, not as \(kind), but: \(error)")
    }
    throw StoreViolation(description: "it did not fail as \(kind)")
}

/// - Throws: ``StoreViolation`` unless `work` throws such an error.
func require<Failure: Error>(_ type: Failure.Type, _ work: () async throws -> Void) async throws {
    do { try await work() } catch is Failure { return } catch {
        throw StoreViolation(description: "it failed, not by \(type), but: \(error)")
    }
    throw StoreViolation(description: "it did not fail by \(type)")
}
