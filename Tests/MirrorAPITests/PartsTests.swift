import Hashing
import OCI
import TestSupport
import Testing

@testable import MirrorAPI

@Suite struct `Several parts of a blob in one answer` {
    private let factory = ImageFactory(seed: 33)

    @Test(
        arguments: [
            ("bytes=0-1,3-4", [0..<2, 3..<5]), ("bytes=100-,0-9", [100..<2048, 0..<10]),
            ("bytes=0-0,-1", [0..<1, 2047..<2048]),
            ("bytes=0-9,5000-6000,20-29", [0..<10, 20..<30]), ("bytes= 0-0 , 2-2 ,, 4-4", [0..<1, 2..<3, 4..<5]),
            ("bytes=10-19,0-9", [10..<20, 0..<10]),
        ] as [(String, [Range<Int64>])])
    func `are in the order in which they were asked for`(header: String, parts: [Range<Int64>]) {
        #expect(ByteRange(header, size: 2048) == .parts(parts))
    }

    @Test func `are one range when only one lies in the blob, and none when none does`() {
        #expect(ByteRange("bytes=5000-6000,0-9", size: 2048) == .part(0..<10))
        #expect(ByteRange("bytes=5000-6000,9-0,-0", size: 2048) == .outside)
    }

    @Test func `are no more than some, or all is given`() {
        let list = { (count: Int) in "bytes=" + (0..<count).map { "\(2 * $0)-\(2 * $0)" }.joined(separator: ",") }
        #expect(ByteRange(list(ByteRange.maximumParts), size: 2048) != .whole)
        #expect(ByteRange(list(ByteRange.maximumParts + 1), size: 2048) == .whole)
        #expect(ByteRange("bytes=0-100,100-200", size: 2048) == .whole)
    }

    @Test func `come out of the store, and over a socket, as a client reads them`() async throws {
        try await withMirror { rig in
            let content = factory.noise("300 KB", bytes: 300_000).read(at: 0, count: 300_000)
            let digest = Digest.sha256(of: content)
            rig.hub.content.add(BytesSource(content), digest: digest, to: "library/raw")
            let target = "/v2/library/raw/blobs/\(digest)"
            #expect(try await rig.get(target).body == content)
            let ranges: [Range<Int64>] = [200_000..<300_000, 0..<1, 5..<150_000]
            let header = "bytes=200000-,0-0,5-149999"
            let answer = try await rig.get(target, [("Range", header)])
            #expect(answer.status == 206 && answer.header("Content-Range") == nil)
            #expect(answer.header("Content-Length") == "\(answer.body.count)")
            try expect(answer, ranges, of: content)
            try await rig.serving { port in
                let result = try await curl(port, target, ["-H", "Range: \(header)", "-D", "/dev/stderr"])
                #expect(result.exit == 0 && result.status == 206 && result.body.count == answer.body.count)
                let next = try await curl(port, target, ["-r", "0-9"])
                #expect(next.body == Array(content[..<10]))
            }
        }
    }

    @Test func `come while the blob does, with its end kept back`() async throws {
        try await withMirror { rig in
            let image = try factory.big([3_000_000], platform: .host)
            rig.hub.content.add(image, to: "library/big")
            let layer = try #require(image.manifests.first?.layers.first)
            let content = try layer.source.readAll()
            let gate = TestSupport.Gate()
            rig.hub.misbehave(on: .cdn(layer.digest), .nth(2), .hold(gate, after: 1_000_000))
            let asked = Task {
                try await rig.get(
                    "/v2/library/big/blobs/\(layer.digest)", [("Range", "bytes=2500000-2500099,100-199,-10")])
            }
            try await rig.hub.log.wait(for: "the transfer") { $0.records.contains { $0.bytesSent >= 1_000_000 } }
            gate.open()
            let answer = try await asked.value
            let size = layer.descriptor.size
            #expect(answer.status == 206 && answer.failure == nil)
            #expect(answer.header("X-Layerd-Source") == "tail")
            try expect(answer, [2_500_000..<2_500_100, 100..<200, size - 10..<size], of: content)
            #expect(rig.hub.log.bytesSent(.cdn) <= size + 1)
        }
    }

    @Test func `never hold the end of a blob that is wrong`() async throws {
        try await withMirror { rig in
            let image = try factory.big([3_000_000], platform: .host)
            rig.hub.content.add(image, to: "library/big")
            let layer = try #require(image.manifests.first?.layers.first)
            rig.hub.misbehave(on: .cdn(layer.digest), .always, .flipByte(at: 1234))
            let answer = try await rig.get(
                "/v2/library/big/blobs/\(layer.digest)", [("Range", "bytes=0-99,-10")])
            #expect(answer.failure != nil || answer.status >= 400, "\(answer.status)")
            let announced = answer.header("Content-Length").flatMap { Int($0) } ?? .max
            #expect(answer.body.count < announced)
        }
    }

    /// Reads the body as RFC 9110 (14.6) has it, and RFC 2046 (5.1) below that.
    private func expect(_ answer: MirrorRig.Answer, _ ranges: [Range<Int64>], of content: [UInt8]) throws {
        let type = try #require(answer.header("Content-Type"))
        let prefix = "multipart/byteranges; boundary="
        #expect(type.hasPrefix(prefix))
        let boundary = type.dropFirst(prefix.count)
        var rest = answer.body[...]
        for (number, range) in ranges.enumerated() {
            let head = """
                \(number == 0 ? "" : "\r\n")--\(boundary)\r
                Content-Type: application/octet-stream\r
                Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(content.count)\r
                \r\n
                """
            #expect(rest.starts(with: head.utf8), "part \(number)")
            rest = rest.dropFirst(head.utf8.count)
            let part = content[Int(range.lowerBound)..<Int(range.upperBound)]
            #expect(rest.starts(with: part), "the bytes of part \(number)")
            rest = rest.dropFirst(part.count)
        }
        #expect(Array(rest) == Array("\r\n--\(boundary)--\r\n".utf8))
    }
}
