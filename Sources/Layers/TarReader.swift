/// Takes a tar apart as its bytes come: ustar, pax, GNU long names, base-256 numbers. Strict: what a tar program could
/// read in two ways, or would guess at, is refused, for a digest must not have two meanings.
///
/// Memory is bounded by one header block and one extended header of at most 64 KiB.
public struct TarReader {
    /// How much is taken before a tar is refused.
    public struct Limits: Sendable {
        /// Entries of all kinds.
        public var entries = 100_000
        /// Length of one extended header (pax, long name). Bytes.
        public var extensionBytes = 64 << 10
        /// Length of a name or a link's target. Bytes.
        public var nameBytes = 4096
        public init() {}
    }

    private enum State {
        case header
        case content(left: Int64, padding: Int)
        case extended(UInt8, left: Int, padding: Int)
        case padding(Int)
        case ended
    }

    private let limits: Limits
    private var state = State.header
    private var block: [UInt8] = []
    private var pending: [UInt8] = []
    private var overrides = TarOverrides()
    private var extensions = 0
    private var entries = 0
    private var sawEndMark = false
    /// Bytes taken so far; the offset of the header at hand is one block before.
    private var taken: Int64 = 0

    public init(limits: Limits = Limits()) { self.limits = limits }

    /// The end mark has come: bytes after it are padding, and not looked at.
    public var hasEnded: Bool { if case .ended = state { true } else { false } }

    /// Takes the next bytes.
    /// - Throws: ``LayersError/badTar(offset:reason:)``; what the receiver throws.
    public mutating func write(_ bytes: RawSpan, into receiver: inout some TarReceiver) throws {
        var offset = 0
        while offset < bytes.byteCount {
            let rest = bytes.extracting(offset..<bytes.byteCount)
            let count = try step(rest, &receiver)
            offset += count
            taken += Int64(count)
        }
    }

    /// Says that there are no more bytes. A tar without any end mark is a tar cut short: its writer puts two empty
    /// blocks there, old ones at least one.
    /// - Throws: ``LayersError/tarCutShort(length:)``.
    public mutating func finish() throws {
        switch state {
        case .ended: return
        case .header where block.isEmpty && sawEndMark && extensions == 0: state = .ended
        default: throw LayersError.tarCutShort(length: taken)
        }
    }

    /// Consumes some of `bytes`, at least one, and returns how many.
    private mutating func step(_ bytes: RawSpan, _ receiver: inout some TarReceiver) throws -> Int {
        switch state {
        case .ended: return bytes.byteCount
        case .header:
            let count = min(bytes.byteCount, TarFields.blockSize - block.count)
            block.append(bytes.extracting(0..<count))
            if block.count == TarFields.blockSize {
                let fields = TarFields(bytes: block)
                block.removeAll(keepingCapacity: true)
                try header(fields, &receiver)
            }
            return count
        case .content(let left, let padding):
            let count = Int(min(Int64(bytes.byteCount), left))
            try receiver.content(bytes.extracting(0..<count))
            state = .content(left: left - Int64(count), padding: padding)
            if left == Int64(count) {
                try receiver.end()
                state = padding > 0 ? .padding(padding) : .header
            }
            return count
        case .extended(let type, let left, let padding):
            let count = min(bytes.byteCount, left)
            pending.append(bytes.extracting(0..<count))
            state = .extended(type, left: left - count, padding: padding)
            if left == count { try endExtension(type, padding: padding) }
            return count
        case .padding(let left):
            let count = min(bytes.byteCount, left)
            state = left == count ? .header : .padding(left - count)
            return count
        }
    }

    private mutating func header(_ fields: TarFields, _ receiver: inout some TarReceiver) throws {
        if fields.isZero {
            if extensions > 0 { throw bad("an extended header without an entry") }
            if sawEndMark { state = .ended }
            sawEndMark = true
            return
        }
        guard !sawEndMark else { throw bad("an entry after the end mark") }
        guard fields.checksumHolds else { throw bad("the checksum is wrong") }
        guard let size = fields.size, let mode = fields.mode, fields.othersAreNumbers else {
            throw bad("a numeric field is negative, too large or no number")
        }
        switch fields.type {
        case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
            try beginExtension(fields.type, size)
        default:
            let member = try member(fields, size: size, mode: mode)
            overrides = TarOverrides()
            extensions = 0
            entries += 1
            guard entries <= limits.entries else { throw bad("more than \(limits.entries) entries") }
            try begin(member, &receiver)
        }
    }

    private mutating func begin(_ member: TarMember, _ receiver: inout some TarReceiver) throws {
        try receiver.begin(member)
        guard member.size > 0 else { return try receiver.end() }
        state = .content(left: member.size, padding: Self.padding(after: member.size))
    }

    /// Bytes from the end of content to the next block.
    static func padding(after size: Int64) -> Int {
        let rest = Int(size % Int64(TarFields.blockSize))
        return rest == 0 ? 0 : TarFields.blockSize - rest
    }

    func bad(_ reason: String) -> LayersError {
        .badTar(offset: max(0, taken - taken % Int64(TarFields.blockSize)), reason: reason)
    }
}

// MARK: - Extended headers

extension TarReader {
    private mutating func beginExtension(_ type: UInt8, _ size: Int64) throws {
        extensions += 1
        // A name, a link's target and one pax header is the most that one entry can have; more is a chain without end.
        guard extensions <= 4 else { throw bad("extended headers without end") }
        guard size > 0, size <= Int64(limits.extensionBytes) else {
            throw bad("an extended header of \(size) bytes")
        }
        pending.removeAll(keepingCapacity: true)
        state = .extended(type, left: Int(size), padding: Self.padding(after: size))
    }

    private mutating func endExtension(_ type: UInt8, padding: Int) throws {
        state = padding > 0 ? .padding(padding) : .header
        switch type {
        case UInt8(ascii: "x"):
            guard overrides.take(pax: pending) else { throw bad("a malformed pax header") }
        case UInt8(ascii: "g"):
            var global = TarOverrides()
            guard global.take(pax: pending), global.isEmpty else {
                throw bad("a global pax header that is malformed or names files")
            }
            // It belongs to no entry, so the end mark may follow.
            extensions -= 1
        case UInt8(ascii: "L"): overrides.name = Array(pending.prefix { $0 != 0 })
        default: overrides.link = Array(pending.prefix { $0 != 0 })
        }
    }

    private func member(_ fields: TarFields, size: Int64, mode: Int64) throws -> TarMember {
        let name = try text(overrides.name ?? fields.name)
        guard !name.isEmpty else { throw bad("an entry without a name") }
        let link = try text(overrides.link ?? fields.link)
        var kind = Self.kind(of: fields.type, name: name)
        if overrides.isSparse, kind == .file { kind = .sparseFile }
        // Links, directories and devices have no content, whatever their headers claim.
        let hasContent =
            switch kind {
            case .file, .sparseFile, .other: true
            default: false
            }
        return TarMember(
            name: name, kind: kind, size: hasContent ? overrides.size ?? size : 0, link: link,
            mode: UInt32(mode & 0o7777))
    }

    private func text(_ bytes: [UInt8]) throws -> String {
        guard bytes.count <= limits.nameBytes else { throw bad("a name of \(bytes.count) bytes") }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw bad("a name that is no UTF-8 text")
        }
        return text
    }

    private static func kind(of type: UInt8, name: String) -> TarMember.Kind {
        switch type {
        // Tars older than POSIX mark directories by their names alone.
        case 0 where name.hasSuffix("/"): .directory
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): .file
        case UInt8(ascii: "1"): .hardLink
        case UInt8(ascii: "2"): .symbolicLink
        case UInt8(ascii: "3"): .characterDevice
        case UInt8(ascii: "4"): .blockDevice
        case UInt8(ascii: "5"): .directory
        case UInt8(ascii: "6"): .fifo
        case UInt8(ascii: "S"): .sparseFile
        default: .other(type)
        }
    }
}

extension [UInt8] {
    mutating func append(_ bytes: RawSpan) {
        // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
        bytes.withUnsafeBytes { append(contentsOf: $0) }
    }
}
