import Layers
import OCI
import TestSupport
import Testing

private let file = TarMember(name: "a", kind: .file, size: 3)
private let body = Array("abc".utf8) + TarEncoder.padding(after: 3)

@Suite struct `A tar reader` {
    @Test(arguments: [1, 511, 512, 513, 1 << 20])
    func `lists what is in a tar, however it is cut`(step: Int) throws {
        let bytes = try tar([
            .directory("etc"), .file("etc/a", "content of a"), .file("empty", ""), .link("etc/b", to: "a"),
            .file("big", BytesSource([UInt8](repeating: 7, count: 3 * 512))),
        ])
        let listing = try list(bytes, step: step)
        #expect(listing.names == ["etc/", "etc/a", "empty", "etc/b", "big"])
        #expect(listing.items.map(\.member.kind) == [.directory, .file, .file, .symbolicLink, .file])
        #expect(listing.items[1].content == Array("content of a".utf8))
        #expect(listing.items[3].member.link == "a")
        #expect(listing.items[4].content.count == 1536)
    }

    @Test func `reads back what the encoder writes`() throws {
        let members = [
            TarMember(name: "blobs/", kind: .directory, mode: 0o755), file,
            TarMember(name: "l", kind: .symbolicLink, link: "a", mode: 0o777),
            TarMember(
                name: "blobs/sha512/" + String(repeating: "0", count: 128), kind: .symbolicLink,
                link: String(repeating: "é", count: 90), mode: 0o777),
        ]
        let bytes =
            TarEncoder.header(members[0]) + TarEncoder.header(file) + body
            + members[2...].flatMap { TarEncoder.header($0) }
        #expect(try list(bytes + TarEncoder.endMark).items.map(\.member) == members)
    }

    @Test func `writes and reads sizes beyond octal`() throws {
        let huge = TarMember(name: "huge", kind: .file, size: 1 << 40 + 5)
        var reader = TarReader()
        var listing = TarListing()
        try reader.write(TarEncoder.header(huge).span.bytes, into: &listing)
        #expect(listing.items.map(\.member) == [huge])
    }

    @Test func `takes long names of pax and of GNU`() throws {
        let long = String(repeating: "d/", count: 200) + "file"
        let byPax = pax([("mtime", "1.5"), ("path", long), ("size", "3")]) + header(file) + body
        let byGNU = extended(UInt8(ascii: "L"), Array(long.utf8) + [0]) + header(file) + body
        let target = extended(UInt8(ascii: "K"), Array(long.utf8)) + header(TarMember(name: "s", kind: .symbolicLink))
        let listing = try list(byPax + byGNU + target + header(file) + body + TarEncoder.endMark)
        #expect(listing.names == [long, long, "s", "a"], "an extended header is for one entry only")
        #expect(listing.items[2].member.link == long)
        #expect(listing.items[0].content == Array("abc".utf8))
    }

    @Test func `refuses a tar without its end mark, cut at any byte`() throws {
        let bytes = try tar([.file("a", "abc"), .file("b", "")], ended: false)
        for end in 0...bytes.count {
            #expect(throws: LayersError.self, "cut at \(end)") { try list(Array(bytes[..<end])) }
        }
        #expect(try list(bytes + [UInt8](repeating: 0, count: 512)).names == ["a", "b"], "old tars have one block")
        #expect(try list(bytes + TarEncoder.endMark + [9, 9]).names == ["a", "b"], "padding is not looked at")
    }

    static let hostileNumbers: [(String, Int, [UInt8])] = [
        ("a negative size in base-256", 124, [UInt8](repeating: 0xFF, count: 12)),
        ("a size beyond 64 bits", 124, [0x80, 0x01] + [UInt8](repeating: 0, count: 10)),
        ("a size of 2^63", 124, [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("a size with a sign", 124, Array("-0000000001\u{0}".utf8)),
        ("a size that is no octal", 124, Array("00000000009\u{0}".utf8)),
        ("a size with a hole", 124, Array("0001 0000 1\u{0}".utf8)),
        ("a negative mode", 100, [UInt8](repeating: 0xFF, count: 8)),
        ("a negative owner", 108, [UInt8](repeating: 0xFF, count: 8)),
        ("a time beyond 64 bits", 136, [0x80, 0x01] + [UInt8](repeating: 0, count: 10)),
    ]

    @Test(arguments: hostileNumbers)
    func `refuses hostile numbers`(what: String, offset: Int, bytes: [UInt8]) {
        let tar = header(file, patching: [(offset, bytes)]) + body + TarEncoder.endMark
        let error = #expect(throws: LayersError.self, "\(what)") { try list(tar) }
        #expect(error?.description.contains("numeric field") == true, "\(what): \(String(describing: error))")
    }

    @Test func `takes a time before 1970, and a size in base-256`() throws {
        let odd = header(
            file,
            patching: [
                (136, [UInt8](repeating: 0xFF, count: 12)), (124, [0x80] + [UInt8](repeating: 0, count: 10) + [3]),
            ])
        #expect(try list(odd + body + TarEncoder.endMark).items.first?.content == Array("abc".utf8))
    }

    static let hostileHeaders: [(String, [UInt8])] = [
        ("a wrong checksum", TarEncoder.header(file).enumerated().map { $0 == 0 ? 0x62 : $1 } + body),
        ("no name", header(TarMember(name: "", kind: .file))),
        ("a name that is no UTF-8", header(file, patching: [(0, [0xC3, 0x28])]) + body),
        ("a pax record too long", extended(UInt8(ascii: "x"), Array("99 path=a\n".utf8)) + header(file) + body),
        ("a pax record of nothing", extended(UInt8(ascii: "x"), Array("3 =\n".utf8)) + header(file) + body),
        ("a pax length that overflows", extended(UInt8(ascii: "x"), Array("99999999999999999999 a=b\n".utf8))),
        ("a pax size that overflows", pax([("size", "9223372036854775808")]) + header(file) + body),
        ("a negative pax size", pax([("size", "-3")]) + header(file) + body),
        ("a pax name with a NUL", pax([("path", "a\u{0}b")]) + header(file) + body),
        ("a pax bomb", header(TarMember(name: "x", kind: .other(UInt8(ascii: "x")), size: 1 << 30))),
        ("a chain of pax headers", (0..<9).flatMap { _ in pax([("mtime", "1")]) } + header(file) + body),
        ("a global header that names files", extended(UInt8(ascii: "g"), Array("10 path=a\n".utf8))),
        ("an extended header before the end", pax([("path", "b")])),
        ("an entry after the end mark", [UInt8](repeating: 0, count: 512) + header(file) + body),
        ("a name of 5000 bytes", pax([("path", String(repeating: "n", count: 5000))]) + header(file) + body),
    ]

    @Test(arguments: hostileHeaders)
    func `refuses hostile headers`(what: String, bytes: [UInt8]) {
        #expect(throws: LayersError.self, "\(what)") { try list(bytes + TarEncoder.endMark) }
    }

    @Test func `tells sparse files, links and devices from files`() throws {
        let sparse = pax([("GNU.sparse.major", "1")]) + header(file) + body
        let kinds: [TarMember.Kind] = [
            .hardLink, .symbolicLink, .characterDevice, .blockDevice, .directory, .fifo,
        ]
        // A size that such headers claim is not followed by content.
        let others = kinds.flatMap { header(TarMember(name: "o", kind: $0, size: 4096)) }
        let old = header(TarMember(name: "s", kind: .other(UInt8(ascii: "S")), size: 3)) + body
        let listing = try list(sparse + others + old + TarEncoder.endMark)
        #expect(listing.items.map(\.member.kind) == [.sparseFile] + kinds + [.sparseFile])
    }

    @Test func `stops at the number of entries allowed`() throws {
        var limits = TarReader.Limits()
        limits.entries = 100
        let one = header(TarMember(name: "e", kind: .file))
        let hundred = (0..<100).flatMap { _ in one }
        #expect(try list(hundred + TarEncoder.endMark, limits: limits).items.count == 100)
        #expect(throws: LayersError.self) { try list(hundred + one + TarEncoder.endMark, limits: limits) }
    }

    /// What nothing is known of must end in a listing or an error, never in a trap, and never without end.
    @Test func `survives whatever bytes come`() throws {
        let honest =
            try tar([.directory("d"), .file("d/f", "hello"), .link("l", to: "d/f")])
            + pax([("path", "p")]) + header(file) + body
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var refused = 0
        for _ in 0..<3000 {
            var bytes = honest
            for _ in 0...random(4) { bytes[random(bytes.count)] = UInt8(random(256)) }
            // Half of them with their checksum made right, else few would come further than it.
            if random(2) == 0 { bytes = Array(bytes.prefix(512 * random(bytes.count / 512 + 1))) }
            do { _ = try list(bytes, step: 1 + random(700)) } catch is LayersError { refused += 1 }
        }
        #expect(refused > 1000)
    }
}
