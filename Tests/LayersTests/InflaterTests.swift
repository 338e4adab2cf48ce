import Hashing
import Layers
import OCI
import TestSupport
import Testing

private let sample = Array(String(repeating: "the quick brown fox jumps over the lazy dog\n", count: 9000).utf8)
/// `printf hello | xz`.
private let helloInXz: [UInt8] = [
    0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00, 0x00, 0x04, 0xE6, 0xD6, 0xB4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00,
    0x00, 0x74, 0x2F, 0xE5, 0xA3, 0x01, 0x00, 0x04, 0x68, 0x65, 0x6C, 0x6C, 0x6F, 0x00, 0x00, 0x00, 0x00, 0xB1, 0x37,
    0xB9, 0xDB, 0xE5, 0xDA, 0x1E, 0x9B, 0x00, 0x01, 0x1D, 0x05, 0xB8, 0x2D, 0x80, 0xAF, 0x1F, 0xB6, 0xF3, 0x7D, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5A,
]

@Suite struct `An inflater` {
    @Test(arguments: [LayerCompression.none, .gzip(), .gzip(level: 0), .zstd()], [1, 7, 4096, 1 << 20])
    func `gives back what was compressed, however it is cut`(compression: LayerCompression, step: Int) throws {
        let plain = step == 1 ? Array(sample.prefix(3000)) : sample
        #expect(try inflate(Compression.compress(plain, compression), step: step) == plain)
    }

    @Test(arguments: [1, 5, 64])
    func `reads xz`(step: Int) throws {
        #expect(try inflate(helloInXz, step: step) == Array("hello".utf8))
        #expect(try inflate(helloInXz + helloInXz, step: step) == Array("hellohello".utf8), "two streams")
    }

    @Test(arguments: [LayerCompression.gzip(), .zstd()], [1, 1000])
    func `reads one member after another`(compression: LayerCompression, step: Int) throws {
        let parts = ["one ", "", "two ", "three"].map { Array($0.utf8) }
        let whole = try parts.flatMap { try Compression.compress($0, compression) }
        #expect(try inflate(whole, step: step) == parts.flatMap(\.self))
    }

    @Test(arguments: [LayerCompression.gzip(), .zstd()])
    func `refuses what is cut short, at any byte`(compression: LayerCompression) throws {
        let whole = try Compression.compress(Array(sample.prefix(300)), compression)
        for end in 6..<whole.count {
            #expect(throws: LayersError.self, "cut at \(end)") { try inflate(Array(whole[..<end])) }
        }
        for end in 6..<helloInXz.count {
            #expect(throws: LayersError.self, "xz cut at \(end)") { try inflate(Array(helloInXz[..<end])) }
        }
    }

    @Test(arguments: [LayerCompression.gzip(), .zstd()])
    func `refuses damage and what comes after the end`(compression: LayerCompression) throws {
        var whole = try Compression.compress(sample, compression)
        #expect(throws: LayersError.self) { try inflate(whole + [1, 2, 3, 4, 5, 6, 7, 8]) }
        whole[whole.count - 3] ^= 0x40
        #expect(throws: LayersError.self) { try inflate(whole) }
    }

    @Test func `takes a bomb for one by its ratio, and not honest zeros`() throws {
        let zeros = [UInt8](repeating: 0, count: 8 << 20)
        var limits = InflateLimits(total: 1 << 40)
        limits.harmless = 1 << 20
        let bomb = try Compression.compress(zeros, .zstd())
        let error = #expect(throws: LayersError.self) { try inflate(bomb, limits: limits) }
        guard case .bomb(.zstd, let input, let output) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(input == Int64(bomb.count) && output <= 2 << 20, "stopped at \(output)")
        #expect(try inflate(Compression.compress(zeros, .gzip()), limits: limits) == zeros)
    }

    @Test func `stops at the length allowed`() throws {
        let bytes = try Compression.compress(sample, .gzip())
        let limit = Int64(sample.count)
        #expect(try inflate(bytes, limits: .init(total: limit)).count == sample.count)
        #expect(throws: LayersError.tooLong(limit: limit - 1)) { try inflate(bytes, limits: .init(total: limit - 1)) }
    }

    @Test func `knows bzip2 and refuses it`() {
        #expect(throws: LayersError.unsupported(.bzip2)) { try inflate(Array("BZh91AY&SY".utf8)) }
    }

    @Test func `refuses a zstd window beyond what the zstd command takes`() throws {
        // A frame header with a window of 2^28 bytes, RFC 8878 §3.1.1.1.2: exponent 18, mantissa 0.
        let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 18 << 3, 0x01, 0x00, 0x00]
        #expect(throws: LayersError.self) { try inflate(frame) }
    }
}

@Suite struct `A layer digester` {
    @Test(arguments: [LayerCompression.none, .gzip(), .zstd()])
    func `finds the diffID whatever the compression`(compression: LayerCompression) throws {
        let layer = try ImageFactory().layer([.file("etc/name", "layerd")], compression: compression)
        let digester = LayerDigester(limits: .init(total: 1 << 30))
        try layer.source.forEachPiece { try digester.update($0.span.bytes) }
        let unpacked = try digester.finish()
        #expect(unpacked.diffID == layer.diffID)
        #expect(unpacked.size == layer.unpackedSize)
    }

    @Test func `takes nothing for the empty layer`() throws {
        let unpacked = try LayerDigester(limits: .init(total: 0)).finish()
        #expect(unpacked == UnpackedLayer(diffID: .sha256(of: []), size: 0, format: .plain))
    }
}
