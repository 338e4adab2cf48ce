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

@Suite(.serialized) struct `The system calls of a pull` {
    /// The order that a power cut makes matter: each blob's bytes, its name, the directory, the catalogue, the index.
    @Test(.enabled(if: installed("strace")))
    func `make bytes durable before the name, the name before the catalogue, and that before the index`() async throws {
        let story = try await Story.set()
        let victim = try await Victim(.plain, story.hub)
        let trace = victim.directory.path("trace")
        let daemon = try #require(
            try await victim.start(
                under: [
                    "strace", "-f", "-qq", "-y", "-o", trace, "-e", "trace=fsync,fdatasync,rename,renameat,renameat2",
                ]))
        #expect(try await victim.pull("one"))
        let all = calls(String(decoding: try Files.read(trace), as: UTF8.self))
        try await daemon.stop()
        let published = all.filter { $0.name.hasPrefix("rename") && $0.text.contains("/store/blobs/") }
        #expect(published.count == story.images["one"]?.blobsOfHost.count)
        for rename in published {
            let data = try #require(rename.text.split(separator: "\"").first { $0.hasSuffix("/data") })
            #expect(
                all.contains { $0.name == "fdatasync" && $0.text.contains(data) && $0.end < rename.begin },
                "\(data) got its name before its bytes were durable")
        }
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
