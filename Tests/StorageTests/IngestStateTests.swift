import Hashing
import OCI
import Testing

@testable import Storage

private let digest = Digest.sha256(of: [])

@Suite struct `The state of an ingest` {
    @Test func `reads back as it was written`() throws {
        var state = IngestState(
            digest: digest, size: 900, extents: Extents([0..<100, 200..<300]), isSparse: true,
            source: "docker.io/library/alpine", boot: "b")
        state.synced = Extents([0..<50])
        let bytes = state.json.serialized()
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"digest":"\#(digest)","size":900,"extents":[[0,100],[200,300]],"synced":[[0,50]],"#
                + #""sparse":true,"source":"docker.io/library/alpine","boot":"b"}"#)
        #expect(IngestState(parsing: bytes) == state)
    }

    @Test(arguments: [
        "[[1,0]]", "[[0,1000]]", "[[0,10],[5,20]]", "[[-1,10]]", "[[0]]", "[[0,1,2]]", "[0,1]", "{}", #"[["0","1"]]"#,
    ])
    func `is refused when its extents make no sense`(extents: String) {
        for key in ["extents", "synced"] {
            let other = key == "extents" ? "synced" : "extents"
            let text = #"{"digest":"\#(digest)","size":900,"\#(key)":\#(extents),"\#(other)":[]}"#
            #expect(IngestState(parsing: Array(text.utf8)) == nil)
        }
    }

    @Test(
        arguments: [
            ([], false, 500, [0..<500]), ([0..<400], false, 500, [0..<500]), ([0..<400], false, 300, [0..<300]),
            ([0..<400], false, 901, []), ([0..<400], true, 500, [0..<400]), ([100..<400], true, 500, [100..<400]),
            ([0..<400, 500..<600], true, 600, [0..<400, 500..<600]),
            ([0..<400, 500..<600], true, 550, [0..<400, 500..<550]),
            ([0..<400, 500..<600], true, 300, [0..<300]), ([], false, 0, []),
        ] as [([Range<Int64>], Bool, Int64, [Range<Int64>])])
    func `tells what a file holds`(extents: [Range<Int64>], isSparse: Bool, length: Int64, expected: [Range<Int64>]) {
        let state = IngestState(digest: digest, size: 900, extents: Extents(extents), isSparse: isSparse, boot: "now")
        #expect(state.held(inFileOfLength: length, boot: "now").ranges == expected)
    }

    @Test func `after a reboot tells only what the disk was known to have`() {
        var state = IngestState(digest: digest, size: 900, extents: Extents([0..<600]), boot: "before")
        #expect(state.held(inFileOfLength: 900, boot: "now").ranges == [])
        state.synced = Extents([0..<200, 300..<400])
        #expect(state.held(inFileOfLength: 350, boot: "now").ranges == [0..<200, 300..<350])
    }

    @Test(arguments: ["", "-", "sha256-", "sha256", "md5-" + String(repeating: "0", count: 32), "sha256-../../etc"])
    func `is not looked for under other names`(name: String) {
        #expect(Digest(fileName: name) == nil)
        #expect(Digest(fileName: digest.fileName) == digest)
    }
}

@Suite struct `What is held of a blob` {
    /// Against a plain list of bytes, whatever the order in which ranges come.
    @Test(arguments: 1...40 as ClosedRange<UInt64>) func `is what was put in`(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        let next = { (limit: Int64) -> Int64 in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int64(state % UInt64(limit))
        }
        var extents = Extents()
        var bytes = [Bool](repeating: false, count: 100)
        for _ in 0..<12 {
            let start = next(95)
            let range = start..<(start + next(100 - start))
            #expect(extents.overlaps(range) == range.contains { bytes[Int($0)] })
            extents.insert(range)
            for index in range { bytes[Int(index)] = true }
            #expect(extents.total == Int64(bytes.count { $0 }))
            #expect(extents.prefix == Int64(bytes.prefix { $0 }.count))
            #expect(extents.end == Int64((bytes.lastIndex(of: true) ?? -1) + 1))
            let missing = bytes.indices.filter { !bytes[$0] }.map(Int64.init)
            #expect(extents.missing(of: 100).flatMap(Array.init) == missing)
            let gap = missing.first ?? 0
            if !missing.isEmpty {
                let end = bytes[Int(gap)...].firstIndex(of: true).map(Int64.init) ?? 100
                #expect(extents.gapEnd(from: gap, limit: 100) == end)
            }
            #expect(extents.clipped(to: 50).total == Int64(bytes[..<50].count { $0 }))
        }
    }
}
