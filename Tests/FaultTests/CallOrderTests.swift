import TestSupport
import Testing

/// One system call of a trace, with the lines at which it began and ended.
private struct Call {
    let name: String
    let text: String
    let begin: Int
    var end: Int
}

/// The calls of `strace -f`, where one that another thread interrupts is told in two lines.
private func calls(_ trace: String) -> [Call] {
    var calls: [Call] = []
    var unfinished: [Substring: Int] = [:]
    for (number, line) in trace.split(separator: "\n").enumerated() {
        let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2 else { continue }
        let (thread, rest) = (parts[0], parts[1].drop { $0 == " " })
        if rest.hasPrefix("<... ") {
            if let place = unfinished.removeValue(forKey: thread) { calls[place].end = number }
        } else {
            if rest.hasSuffix("<unfinished ...>") { unfinished[thread] = calls.count }
            calls.append(
                Call(name: String(rest.prefix { $0 != "(" }), text: String(rest), begin: number, end: number))
        }
    }
    return calls
}

/// A daemon whose calls that make things durable are written down.
private func traced(_ victim: Victim) async throws -> RunningProcess {
    let command = ["strace", "-f", "-qq", "-y", "-o", trace(victim), "-e"]
    return try #require(
        try await victim.start(under: command + ["trace=fsync,fdatasync,rename,renameat,renameat2"]))
}

private func trace(_ victim: Victim) -> String { victim.directory.path("trace") }

/// The renames that gave blobs their names, after it was seen that each blob's bytes were durable by then.
private func published(_ all: [Call]) throws -> [Call] {
    let published = all.filter { $0.name.hasPrefix("rename") && $0.text.contains("/store/blobs/") }
    for rename in published {
        let data = try #require(rename.text.split(separator: "\"").first { $0.hasSuffix("/data") })
        #expect(
            all.contains { $0.name == "fdatasync" && $0.text.contains(data) && $0.end < rename.begin },
            "\(data) got its name before its bytes were durable")
    }
    return published
}

@Suite(.serialized) struct `The system calls of a load` {
    /// On most cuts ext4 and XFS forgive the lack of it, so the sweep alone would hardly tell. With a layer that is
    /// too large to be kept in memory until its digest is known.
    @Test(.enabled(if: installed("strace")))
    func `make bytes durable before the name`() async throws {
        let story = try await Story.set()
        let large = try ImageFactory(seed: 3).big([20_000_000])
        story.hub.content.add(large, to: "library/large")
        let victim = try await Victim(.plain, story.hub)
        let first = try #require(try await victim.start())
        #expect(try await victim.pull("large"))
        #expect(try await victim.save("large"))
        #expect(try await victim.remove("large"))
        try await first.stop()
        let daemon = try await traced(victim)
        #expect(try await victim.load("large"))
        let all = calls(String(decoding: try Files.read(trace(victim)), as: UTF8.self))
        try await daemon.stop()
        let published = try published(all)
        #expect(published.count == large.blobsOfHost.count)
        #expect(published.contains { $0.text.contains("/staged-") }, "everything was small enough for the memory")
        await story.hub.stop()
    }
}

@Suite(.serialized) struct `The system calls of a pull` {
    /// The order that a power cut makes matter: each blob's bytes, its name, the directory, the catalogue, the index.
    @Test(.enabled(if: installed("strace")))
    func `make bytes durable before the name, the name before the catalogue, and that before the index`() async throws {
        let story = try await Story.set()
        let victim = try await Victim(.plain, story.hub)
        let daemon = try await traced(victim)
        #expect(try await victim.pull("one"))
        let all = calls(String(decoding: try Files.read(trace(victim)), as: UTF8.self))
        try await daemon.stop()
        let published = try published(all)
        #expect(published.count == story.images["one"]?.blobsOfHost.count)
        let last = try #require(published.map(\.end).max())
        let directory = try #require(
            all.first { $0.name == "fsync" && $0.text.contains("/blobs/sha256>") && $0.begin > last },
            "the names were not made durable")
        let log = try #require(
            all.first {
                $0.name.hasSuffix("sync") && $0.text.contains("catalog.sqlite-wal") && $0.begin > directory.end
            }, "the catalogue was not made durable after the names")
        #expect(
            all.contains { $0.name.hasPrefix("rename") && $0.text.contains("index.json\"") && $0.begin > log.end },
            "index.json was written before what it follows")
        let syncs = all.filter {
            $0.name == "fsync" && $0.text.contains("/blobs/sha256>") && $0.begin > published[0].begin
        }
        #expect(syncs.count <= published.count, "blobs that are ready together share a sync")
        await story.hub.stop()
    }
}
