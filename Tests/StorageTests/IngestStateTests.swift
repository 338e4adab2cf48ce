import Hashing
import OCI
import Testing

@testable import Storage

private let digest = Digest.sha256(of: [])

@Suite struct `The state of an ingest` {
    @Test func `reads back as it was written`() throws {
        let state = IngestState(digest: digest, size: 900, extents: [0..<100, 200..<300])
        let bytes = state.json.serialized()
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"digest":"\#(digest)","size":900,"extents":[[0,100],[200,300]]}"#)
        #expect(IngestState(parsing: bytes) == state)
    }

    @Test(arguments: [
        "[[1,0]]", "[[0,1000]]", "[[0,10],[5,20]]", "[[-1,10]]", "[[0]]", "[[0,1,2]]", "[0,1]", "{}", #"[["0","1"]]"#,
    ])
    func `is refused when its extents make no sense`(extents: String) {
        let text = #"{"digest":"\#(digest)","size":900,"extents":\#(extents)}"#
        #expect(IngestState(parsing: Array(text.utf8)) == nil)
    }

    @Test(
        arguments: [
            ([], 500, 500), ([0..<400], 500, 500), ([0..<400], 300, 300), ([0..<400], 901, 0), ([100..<400], 500, 0),
            ([0..<400, 500..<600], 600, 400), ([0..<400, 500..<600], 300, 300),
        ] as [([Range<Int64>], Int64, Int64)])
    func `tells how much of a file is a beginning`(extents: [Range<Int64>], length: Int64, expected: Int64) {
        let state = IngestState(digest: digest, size: 900, extents: extents)
        #expect(state.prefix(ofFileWithLength: length) == expected)
    }

    @Test(arguments: ["", "-", "sha256-", "sha256", "md5-" + String(repeating: "0", count: 32), "sha256-../../etc"])
    func `is not looked for under other names`(name: String) {
        #expect(Digest(fileName: name) == nil)
        #expect(Digest(fileName: digest.fileName) == digest)
    }
}
