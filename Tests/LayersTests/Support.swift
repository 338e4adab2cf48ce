import Layers
import OCI
import TestSupport

/// Remembers what a tar held; contents as text.
struct TarListing: TarReceiver, Equatable {
    struct Item: Equatable {
        var member: TarMember
        var content: [UInt8] = []
    }

    var items: [Item] = []

    mutating func begin(_ member: TarMember) { items.append(Item(member: member)) }
    mutating func content(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { items[items.count - 1].content.append(contentsOf: $0) }
    }
    mutating func end() {}

    var names: [String] { items.map(\.member.name) }
}

/// Reads a whole tar, given in pieces of `step` bytes.
func list(_ tar: [UInt8], step: Int = 1 << 20, limits: TarReader.Limits = .init()) throws -> TarListing {
    var listing = TarListing()
    var reader = TarReader(limits: limits)
    try pieces(of: tar, step) { try reader.write($0, into: &listing) }
    try reader.finish()
    return listing
}

/// All that comes out of a stream that is given in pieces of `step` bytes.
func inflate(_ bytes: [UInt8], step: Int = 1 << 20, limits: InflateLimits = .init(total: 1 << 40)) throws -> [UInt8] {
    let inflater = Inflater(limits: limits)
    var plain: [UInt8] = []
    let take = { (piece: RawSpan) in piece.withUnsafeBytes { plain.append(contentsOf: $0) } }
    try pieces(of: bytes, step) { try inflater.write($0, take) }
    try inflater.finish(take)
    return plain
}

private func pieces(of bytes: [UInt8], _ step: Int, _ body: (RawSpan) throws -> Void) rethrows {
    for start in stride(from: 0, to: bytes.count, by: step) {
        try body(bytes.span.bytes.extracting(start..<min(start + step, bytes.count)))
    }
}

/// A tar by TestSupport's own writer.
func tar(_ entries: [TarEntry], ended: Bool = true) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let writer = TestSupport.TarWriter { bytes += $0 }
    for entry in entries { try writer.append(entry) }
    if ended { try writer.finish() }
    return bytes
}

/// A header block with some bytes replaced and the checksum made right again.
func header(_ member: TarMember, patching patches: [(Int, [UInt8])] = []) -> [UInt8] {
    var block = TarEncoder.header(member)
    for (offset, bytes) in patches { block.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
    block.replaceSubrange(148..<156, with: Array(repeating: UInt8(ascii: " "), count: 8))
    let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
    let text = String(repeating: "0", count: 6 - sum.utf8.count) + sum + "\u{0} "
    block.replaceSubrange(148..<156, with: Array(text.utf8))
    return block
}

/// A pax header with these records, or any other extended header with these bytes.
func extended(_ type: UInt8, _ content: [UInt8]) -> [UInt8] {
    header(TarMember(name: "ext", kind: .other(type), size: Int64(content.count))) + content
        + TarEncoder.padding(after: Int64(content.count))
}

func pax(_ records: [(String, String)]) -> [UInt8] {
    extended(
        UInt8(ascii: "x"),
        records.flatMap { key, value in
            let body = " \(key)=\(value)\n"
            var length = body.utf8.count + 1
            while "\(length)".utf8.count + body.utf8.count != length { length += 1 }
            return Array("\(length)\(body)".utf8)
        })
}
