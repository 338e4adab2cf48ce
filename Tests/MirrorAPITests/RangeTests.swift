import Testing

@testable import MirrorAPI

@Suite struct `A Range header` {
    @Test(arguments: [
        ("bytes=500-1499", 500..<1500), ("bytes=500-", 500..<2048), ("bytes=-500", 1548..<2048),
        ("bytes=2000-5000", 2000..<2048), ("Bytes=0-0", 0..<1), ("bytes=-99999", 0..<2048), ("bytes= 1 - 2", 1..<3),
        ("bytes=0-99999999999999999999", 0..<2048),
    ])
    func `is one part of the blob`(header: String, part: Range<Int64>) {
        #expect(ByteRange(header, size: 2048) == .part(part))
    }

    @Test(arguments: ["bytes=500-0", "bytes=5000-10000", "bytes=-0", "bytes=2048-", "bytes=99999999999999999999-"])
    func `is outside of the blob`(header: String) {
        #expect(ByteRange(header, size: 2048) == .outside)
    }

    @Test(
        arguments: [
            nil, "items=0-1", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,1-4", "bytes=0-,5-6",
            "bytes=0-1,a-b", "bytes=1-2-3", "bytes=+1-2",
        ] as [String?])
    func `is none that is honoured`(header: String?) {
        #expect(ByteRange(header, size: 2048) == .whole)
    }
}
