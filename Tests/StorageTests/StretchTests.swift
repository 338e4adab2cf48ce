import Coordination
import FoundationEssentials
import OCI
import Synchronization
import TestSupport
import Testing

@testable import Storage

private let blob = SampleBlob(count: 3_000_000)

@Suite struct `An ingest in several places` {
    /// What a kill leaves is what the page cache holds at that moment: a copy of the files.
    @Test func `is gone on with after a kill from what was noted, which is all but the last bytes`() async throws {
        try await withStateDirectory { root in
            let copy = root + "-killed"
            let store = try await LocalContentStore(root: root)
            try await interrupt(blob, after: 1, in: store)
            try await withWriter(root, pace: .init(journal: 100_000)) { writer in
                let (early, late) = (try await writer.stretch(at: 1), try await writer.stretch(at: 1_500_000))
                for start in stride(from: 0, to: 1_000_000, by: 20_000) {
                    try early.append(blob, 1 + start..<20_001 + start)
                    try late.append(blob, 1_500_000 + start..<1_520_000 + start)
                }
                await writer.workDone()
                try FileManager.default.copyItem(atPath: root, toPath: copy)
            }
            let next = try await LocalContentStore(root: copy)
            let held = try #require(try await next.ingests().first).bytes
            #expect((1_400_000...2_000_001).contains(held), "held \(held)")
            try await finish(blob, in: next)
            #expect(try await next.read(blob.digest, limit: 3_000_000) == blob.bytes)
        }
    }

    @Test func `is noted as such before its first byte out of order`() async throws {
        try await withStateDirectory { root in
            try await LocalContentStore(root: root).close()
            try await withWriter(root) { writer in
                let state = try noted(root)
                #expect(!state.isSparse)
                let late = try await writer.stretch(at: 1_000_000)
                #expect(try noted(root).isSparse)
                try late.append(blob, 1_000_000..<1_500_000)
            }
        }
    }

    @Test func `says where its bytes come from, in every note of it`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            for (source, start) in [("docker.io/library/a", 0), ("ghcr.io/o/b", 1_000_000)] {
                await #expect(throws: CancellationError.self) {
                    try await store.ingest(blob.descriptor, from: source) { writer in
                        #expect(try noted(root).source == source)
                        let stretch = try await writer.stretch(at: Int64(start + 10))
                        try stretch.append(blob, start + 10..<start + 500_000)
                        #expect(try noted(root).isSparse && noted(root).source == source)
                        throw CancellationError()
                    }
                }
                #expect(try noted(root).source == source)
            }
        }
    }

    @Test func `may be begun in many places at the same moment`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            for seed in 1...20 as ClosedRange<UInt64> {
                let blob = SampleBlob(count: 800_000, seed: seed)
                try await store.ingest(blob.descriptor) { writer in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for start in stride(from: 0, to: 800_000, by: 100_000) {
                            group.addTask {
                                let stretch = try await writer.stretch(at: Int64(start))
                                try stretch.append(blob, start..<start + 100_000)
                                try stretch.close()
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }
        }
    }

    /// After a reboot the length of a file says nothing: the bytes may be zeros.
    @Test func `is gone on with after a reboot from what was synced`() async throws {
        try await withStateDirectory { root in
            let copy = root + "-rebooted"
            try await LocalContentStore(root: root).close()
            try await withWriter(root, pace: .init(journal: 1, sync: 500_000, syncInterval: .zero)) { writer in
                let late = try await writer.stretch(at: 1_500_000)
                try late.append(blob, 1_500_000..<2_100_000)
                await writer.workDone()
                try FileManager.default.copyItem(atPath: root, toPath: copy)
                try late.append(blob, 2_100_000..<2_101_000)
            }
            let path = ingestPath(blob.digest, in: copy) + "/state.json"
            var state = try noted(copy)
            #expect(state.boot == Boot.current)
            #expect(state.synced.total >= 500_000)
            state.extents = Extents([0..<3_000_000])
            state.boot = "another"
            try write(state.json.serialized(), to: path)
            let next = try await LocalContentStore(root: copy)
            #expect(try await next.ingests().map(\.bytes) == [state.synced.total])
            try await finish(blob, in: next)
            #expect(try await next.read(blob.digest, limit: 3_000_000) == blob.bytes)
        }
    }

    @Test func `has little left to hash when the last byte comes`() async throws {
        try await withStateDirectory { root in
            try await LocalContentStore(root: root).close()
            try await withWriter(root) { writer in
                let late = try await writer.stretch(at: 1_000_000)
                try late.append(blob, 1_000_000..<2_900_000)
                try late.close()
                #expect(writer.state.withLock { $0.hashed } == 0)
                let early = try await writer.stretch(at: 0)
                try early.append(blob, 0..<1_000_000)
                try early.close()
                await writer.workDone()
                #expect(writer.state.withLock { $0.hashed } == 2_900_000)
            }
        }
    }

    @Test func `tells its followers how far it is without a gap, of restarts, and how it ends`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            let told = Mutex<[IngestProgress]>([])
            try await store.ingest(blob.descriptor) { writer in
                let own = try #require(writer as? IngestWriter)
                let (now, _) = own.watch { progress in told.withLock { $0.append(progress) } }
                #expect(now == IngestProgress(prefix: 0, restarts: 0, phase: .filling))
                let late = try await writer.stretch(at: 1_000_000)
                try late.append(blob, 1_000_000..<3_000_000)
                try late.close()
                #expect(told.withLock { $0 } == [])
                try writer.restart()
                try writer.append(blob, 0..<3_000_000)
            }
            let all = told.withLock { $0 }
            #expect(all.first == IngestProgress(prefix: 0, restarts: 1, phase: .filling, repeated: [.other]))
            #expect(
                all.last == IngestProgress(prefix: 3_000_000, restarts: 1, phase: .stored, repeated: [.other]))
            #expect(all.map(\.prefix) == all.map(\.prefix).sorted())
        }
    }

    @Test func `gives back the space of its gaps`() async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            let large = Descriptor(mediaType: .ociLayer, digest: blob.digest, size: 64 << 20)
            await #expect(throws: Interruption.self) {
                try await store.ingest(large) { writer in
                    let late = try await writer.stretch(at: 50 << 20)
                    try late.append(blob, 0..<1_000_000)
                    try late.close()
                    throw Interruption()
                }
            }
            #expect(try await store.usage().ingest.physical < 3 << 20)
        }
    }
}

/// The bytes that are missing, each stretch by itself.
private func finish(_ blob: SampleBlob, in store: LocalContentStore) async throws {
    try await store.ingest(blob.descriptor) { writer in
        for range in writer.missing {
            let stretch = try await writer.stretch(at: range.lowerBound)
            try stretch.append(blob, Int(range.lowerBound)..<Int(range.upperBound))
            try stretch.close()
        }
    }
}

private func noted(_ root: String) throws -> IngestState {
    try #require(IngestState(parsing: contents(of: ingestPath(blob.digest, in: root) + "/state.json")))
}

/// A writer in the state directory, without the store around it.
private func withWriter(
    _ root: String, pace: IngestWriter.Pace = IngestWriter.Pace(), _ body: (IngestWriter) async throws -> Void
) async throws {
    let directory = StoreLayout(root: root).ingest(blob.digest)
    let writer = try directory.begin(
        blob.descriptor, labours: DiskThreads("test", count: 1), observer: { _ throws(StorageError) in }, pace: pace)
    try await body(writer)
    await writer.quiesce()
    writer.close()
}

extension IngestWriter {
    /// Returns when nothing is at work behind.
    fileprivate func workDone() async {
        while let task = state.withLock({ $0.behind.task }) { await task.value }
    }
}
