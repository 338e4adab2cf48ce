internal import Coordination
internal import OCI
internal import Storage

let resumingClauses = [
    StoreClause("bytes stay when the filler fails, and the next goes on after them") { store in
        let blob = SampleBlob(count: 700_000)
        try await interrupt(blob, after: 600_001, in: store)
        try await store.ingest(blob.descriptor) { writer in
            try require(writer.offset == 600_001, "held \(writer.offset)")
            try writer.append(blob, 600_001..<700_000)
        }
        try require(try await store.read(blob.digest, limit: 700_000) == blob.bytes, "the bytes are others")
    },
    StoreClause("a filler can forget what is held") { store in
        let blob = SampleBlob(count: 700_000)
        try await interrupt(SampleBlob(count: 700_000, seed: 9).named(as: blob), after: 600_001, in: store)
        try await store.ingest(blob.descriptor) { writer in
            try writer.restart()
            try require(writer.offset == 0, "held \(writer.offset)")
            try writer.append(blob, 0..<700_000)
        }
        try require(try await store.read(blob.digest, limit: 700_000) == blob.bytes, "the bytes are others")
    },
    StoreClause("wrong bytes held are found out at the end and dropped") { store in
        let blob = SampleBlob(count: 1000)
        try await interrupt(SampleBlob(count: 1000, seed: 9).named(as: blob), after: 400, in: store)
        try await require(.integrity) {
            try await store.ingest(blob.descriptor) { writer in try writer.append(blob, 400..<1000) }
        }
        try require(try await store.ingest(blob) == .stored, "the next attempt does not store it")
    },
    StoreClause("a blob whose bytes are all held needs no filler") { store in
        let blob = SampleBlob(count: 1000)
        try await interrupt(blob, after: 1000, in: store)
        let outcome = try await store.ingest(blob.descriptor) { _ in throw StoreViolation(description: "filled") }
        try require(outcome == .stored, "the outcome is not stored")
        try require(try await store.read(blob.digest, limit: 1000) == blob.bytes, "the bytes are others")
    },
    StoreClause("bytes held under another size are dropped") { store in
        let blob = SampleBlob(count: 1000)
        var other = blob.descriptor
        other.size = 2000
        try await require(Interruption.self) { [other] in
            try await store.ingest(other) { writer in
                try writer.append(blob, 0..<500)
                throw Interruption()
            }
        }
        try require(try await store.ingest(blob) == .stored, "it is not stored")
    },
    StoreClause("cancellation passes untouched and keeps the bytes") { store in
        let blob = SampleBlob(count: 1000)
        let reached = Signal()
        let task = Task {
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(blob, 0..<500)
                reached.set()
                try await suspendUntilCancelled()
            }
        }
        await reached.wait()
        task.cancel()
        try await require(CancellationError.self) { _ = try await task.value }
        try await store.ingest(blob.descriptor) { writer in
            try require(writer.offset == 500, "held \(writer.offset)")
            try writer.append(blob, 500..<1000)
        }
    },
]

let sharingClauses = [
    StoreClause("of sixteen tasks at one digest one fills") { store in
        let blob = SampleBlob(count: 200_000)
        let fills = Locked(0)
        let stored = try await withThrowingTaskGroup(of: IngestOutcome.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    try await store.ingest(blob.descriptor) { writer in
                        fills.withLock { $0 += 1 }
                        await Task.yield()
                        try writer.append(blob, 0..<200_000)
                    }
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 == .stored ? 1 : 0 }
        }
        try require(fills.withLock { $0 } == 1 && stored == 1, "fills: \(fills.withLock { $0 }), stored: \(stored)")
    },
    StoreClause("when the filler is cancelled, one who waits takes over with the bytes held") { store in
        let blob = SampleBlob(count: 1000)
        let reached = Signal()
        let first = Task {
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(blob, 0..<500)
                reached.set()
                try await suspendUntilCancelled()
            }
        }
        await reached.wait()
        async let second = store.ingest(blob.descriptor) { writer in
            try require(writer.offset == 500, "held \(writer.offset)")
            try writer.append(blob, 500..<1000)
        }
        first.cancel()
        try require(try await second == .stored, "the second does not store it")
        try await require(CancellationError.self) { _ = try await first.value }
    },
    StoreClause("one who waits can leave") { store in
        let blob = SampleBlob(count: 1000)
        let (reached, release) = (Signal(), Signal())
        async let first = store.ingest(blob.descriptor) { writer in
            reached.set()
            await release.wait()
            try writer.append(blob, 0..<1000)
        }
        await reached.wait()
        let second = Task { try await store.ingest(blob) }
        second.cancel()
        try await require(CancellationError.self) { _ = try await second.value }
        release.set()
        try require(try await first == .stored, "the first does not store it")
    },
    StoreClause("tasks at different digests do not wait for each other") { store in
        let (slow, quick) = (SampleBlob(count: 1000), SampleBlob(count: 1000, seed: 3))
        let (reached, release) = (Signal(), Signal())
        async let first = store.ingest(slow.descriptor) { writer in
            reached.set()
            await release.wait()
            try writer.append(slow, 0..<1000)
        }
        await reached.wait()
        try await store.ingest(quick)
        release.set()
        _ = try await first
        try require(try await store.list() == [slow.digest, quick.digest].sorted(), "the list is another")
    },
]

/// Why an ingest ends early in these clauses.
private struct Interruption: Error {}

private func interrupt(_ blob: SampleBlob, after count: Int, in store: any ContentStore) async throws {
    try await require(Interruption.self) {
        try await store.ingest(blob.descriptor) { writer in
            try writer.append(blob, 0..<count)
            throw Interruption()
        }
    }
}

private func suspendUntilCancelled() async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    for await _ in stream {}
    continuation.finish()
    throw CancellationError()
}
