import Layers
import NIOCore
import TestSupport
import Testing

@testable import Serving

/// What comes in pieces means the same however it is cut.
@Suite(.serialized) struct `A stream from outside` {
    @Test func `is a request or none, however it is cut`() throws {
        let fuzzer = Fuzzer(name: "request", seeds: Seeds.requests.map { Array($0.utf8) }, words: Seeds.words)
        let (tried, taken) = try fuzzer.run { bytes, random in
            let whole = Reading(bytes, cutting: { $0 })
            let cut = Reading(bytes, cutting: { Int.random(in: 1...max(1, min($0, 40)), using: &random) })
            guard whole == cut else { throw Broken(what: "cut, it is \(cut), and whole \(whole)") }
            return whole.head != nil
        }
        #expect(taken * 200 > tried, "\(taken) of \(tried)")
    }

    @Test func `is a tar or none, however it is cut`() throws {
        var tar: [UInt8] = []
        let writer = TarWriter { tar += $0 }
        try writer.append(.file("a/b", "hello"))
        try writer.append(.link("a/c", to: "../" + String(repeating: "x", count: 90)))
        try writer.finish()
        let seeds = try [tar, Compression.compress(tar, .gzip()), Compression.compress(tar, .zstd())]
        let fuzzer = Fuzzer(name: "tar", seeds: seeds, words: Seeds.words + ["ustar\0", "x", "g", "L", "\u{1F}"])
        let (tried, taken) = try fuzzer.run { bytes, random in
            let whole = Unpacking(bytes, cutting: { $0 })
            let cut = Unpacking(bytes, cutting: { Int.random(in: 1...max(1, min($0, 700)), using: &random) })
            guard whole == cut else { throw Broken(what: "cut, it is \(cut), and whole \(whole)") }
            return whole.isWhole
        }
        #expect(taken > 2, "of \(tried)")
    }
}

/// A head, the body after it, or the refusal of either.
private struct Reading: Equatable {
    var head: RequestHead?
    var body: [UInt8] = []
    var isDone = false
    var refusal: Int?

    init(_ bytes: [UInt8], cutting length: (Int) -> Int) {
        var parser = RequestHeadParser(limits: ServerLimits())
        var decoder: BodyDecoder?
        var buffer = ByteBuffer()
        var rest = bytes[...]
        do throws(Refusal) {
            while !rest.isEmpty, !isDone {
                let count = length(rest.count)
                buffer.writeBytes(rest.prefix(count))
                rest = rest.dropFirst(count)
                if head == nil {
                    head = try parser.parse(&buffer)
                    decoder = head.map { BodyDecoder($0.body) }
                }
                while let piece = try decoder?.decode(&buffer) { body += piece.readableBytesView }
                isDone = decoder?.isDone ?? false
            }
        } catch {
            refusal = error.status
        }
    }
}

/// What came out of a tar, compressed or not.
private struct Unpacking: Equatable {
    struct Shelf: TarReceiver {
        var names: [String] = []
        var bytes = 0

        mutating func begin(_ member: TarMember) { names.append(member.name) }
        mutating func content(_ bytes: RawSpan) { self.bytes += bytes.byteCount }
        mutating func end() {}
    }

    var names: [String] = []
    var bytes = 0
    var isWhole = false

    init(_ input: [UInt8], cutting length: (Int) -> Int) {
        var shelf = Shelf()
        var reader = TarReader()
        let inflater = Inflater(limits: InflateLimits(total: 4 << 20))
        var rest = input[...]
        do {
            while !rest.isEmpty {
                let count = length(rest.count)
                let piece = Array(rest.prefix(count))
                rest = rest.dropFirst(count)
                try inflater.write(piece.span.bytes) { try reader.write($0, into: &shelf) }
            }
            try inflater.finish { try reader.write($0, into: &shelf) }
            try reader.finish()
            isWhole = true
        } catch {
            // Which error comes first may depend on the cut; that there is one may not.
            isWhole = false
        }
        if isWhole {
            names = shelf.names
            bytes = shelf.bytes
        }
    }
}
