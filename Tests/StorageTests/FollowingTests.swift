import Glibc
import OCI
import TestSupport
import Testing

@testable import Storage

private let blob = SampleBlob(count: 3_000_000)

@Suite struct `One who follows a blob on its way in` {
    @Test func `goes on when bytes that were dropped come again the same`() async throws {
        try await withFeed { store, feed in
            let reader = Reader(feed)
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(blob, 0..<1_000_000)
                try await reader.has(700_000)
                try writer.restart()
                // Less than it has had: nothing can be said yet, and nothing may go out.
                try writer.append(blob, 0..<600_000)
                let held = reader.bytes.count
                try writer.append(blob, 600_000..<2_000_000)
                try await reader.has(held + 1)
                try writer.append(blob, 2_000_000..<3_000_000)
            }
            await store.arrived(feed)
            try await reader.end()
            #expect(reader.bytes == blob.bytes)
        }
    }

    @Test func `goes on when they come again out of order, and are hashed behind`() async throws {
        try await withFeed { store, feed in
            let reader = Reader(feed)
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(blob, 0..<1_000_000)
                try await reader.has(700_000)
                try writer.restart()
                let late = try await writer.stretch(at: 500_000)
                try late.append(blob, 500_000..<3_000_000)
                try late.close()
                let early = try await writer.stretch(at: 0)
                try early.append(blob, 0..<500_000)
                try early.close()
                try await reader.has(2_900_000)
            }
            await store.arrived(feed)
            try await reader.end()
            #expect(reader.bytes == blob.bytes)
        }
    }

    @Test func `ends when others come in their place`() async throws {
        try await withFeed { store, feed in
            let reader = Reader(feed)
            let other = SampleBlob(count: 3_000_000, seed: 2)
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(other, 0..<1_000_000)
                try await reader.has(700_000)
                try writer.restart()
                try writer.append(blob, 0..<3_000_000)
            }
            await store.arrived(feed)
            await #expect(throws: FollowingError.restarted(blob.digest)) { try await reader.end() }
            #expect(reader.bytes.count < 1_100_000 && other.bytes.starts(with: reader.bytes))
            // Who comes now gets what is right.
            let next = Reader(feed)
            try await next.end()
            #expect(next.bytes == blob.bytes)
        }
    }

    @Test func `may read on in what it was given, though all has begun anew`() async throws {
        try await withFeed { store, feed in
            let other = SampleBlob(count: 3_000_000, seed: 2)
            try await store.ingest(blob.descriptor) { writer in
                try writer.append(other, 0..<1_000_000)
                var cursor = BlobFeed.Cursor(0..<3_000_000)
                let piece = try #require(try await feed.next(&cursor))
                try writer.restart()
                try writer.append(blob, 0..<3_000_000)
                #expect(read(piece) == Array(other.bytes[..<Int(piece.length)]))
            }
            await store.arrived(feed)
        }
    }

    @Test func `is not given the end before the digest is known to be right`() async throws {
        try await withFeed { store, feed in
            let reader = Reader(feed)
            await #expect(throws: (any Error).self) {
                try await store.ingest(blob.descriptor) { writer in
                    try writer.append(SampleBlob(count: 3_000_000, seed: 2), 0..<3_000_000)
                    try await reader.has(2_900_000)
                }
            }
            feed.fail(Interruption())
            await #expect(throws: Interruption.self) { try await reader.end() }
            #expect(reader.bytes.count <= 3_000_000 - Int(BlobFeed.withheld))
        }
    }

    private func withFeed(_ body: (LocalContentStore, BlobFeed) async throws -> Void) async throws {
        try await withStateDirectory { root in
            let store = try await LocalContentStore(root: root)
            let feed = store.follow(blob.descriptor)
            try await body(store, feed)
            store.stopFollowing(feed)
        }
    }
}

/// Reads a feed from its beginning to its end, and says how far it is.
private final class Reader: Sendable {
    private let kept = Watched<[UInt8]>([])
    private let task: Task<Void, any Error>

    init(_ feed: BlobFeed) {
        task = Task { [kept] in
            var cursor = BlobFeed.Cursor(0..<feed.size)
            while let piece = try await feed.next(&cursor) {
                let bytes = read(piece)
                kept.update { $0 += bytes }
            }
        }
    }

    var bytes: [UInt8] { kept.value }

    func has(_ count: Int) async throws {
        _ = try await kept.wait(for: "\(count) bytes to be read") { $0.count >= count ? true : nil }
    }

    func end() async throws { try await task.value }
}

private func read(_ piece: BlobFeed.Piece) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(piece.length))
    let count = pread(piece.descriptor, &bytes, bytes.count, off_t(piece.offset))
    return Array(bytes.prefix(max(0, count)))
}
