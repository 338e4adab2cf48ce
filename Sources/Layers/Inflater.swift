/// How much may come out of compressed bytes before they are taken for an attack.
public struct InflateLimits: Sendable {
    /// Output for one byte of input. Deflate reaches 1032 on zeros, which honest images do contain; only the other
    /// formats can do more, and no honest content makes them.
    public var ratio: Int64 = 1100
    /// Output that is never taken for a bomb, whatever its ratio. Bytes.
    public var harmless: Int64 = 64 << 20
    /// Output in all. Bytes.
    public var total: Int64

    /// - Parameter total: bytes of output.
    public init(total: Int64) { self.total = total }
}

/// Turns one format's bytes into plain ones, piece by piece.
protocol ByteDecoder: AnyObject {
    /// Decodes a piece of input, handing on what comes of it. The input's address is not kept.
    func decode(_ input: UnsafeRawBufferPointer, _ take: (RawSpan) throws -> Void) throws
    /// Says that the input has ended: hands on what is left.
    /// - Throws: ``LayersError/cutShort(_:)`` within a stream.
    func finish(_ take: (RawSpan) throws -> Void) throws
}

/// Plain bytes out of a stream that may be compressed, in gzip (several members too), zstd (several frames too) or xz.
/// Holds a buffer of 128 KiB and what the format needs: 32 KiB for gzip, the window for the others, at most 128 MiB,
/// which is what their own commands accept without being asked for more.
///
/// Not to be used from two tasks at once.
public final class Inflater {
    /// Output buffer of every decoder, in bytes.
    static let bufferSize = 128 << 10
    /// Largest window accepted: 2^27 bytes.
    static let windowLog: Int32 = 27

    private let limits: InflateLimits
    private var first: [UInt8] = []
    private var decoder: (any ByteDecoder)?
    /// Bytes taken and given so far.
    public private(set) var input: Int64 = 0, output: Int64 = 0
    /// What the first bytes told; `nil` before enough of them came.
    public private(set) var format: CompressionFormat?

    public init(limits: InflateLimits) { self.limits = limits }

    /// Takes the next bytes and calls `take` with what comes of them, any number of times.
    /// - Throws: ``LayersError``; what `take` throws.
    public func write(_ bytes: RawSpan, _ take: (RawSpan) throws -> Void) throws {
        input += Int64(bytes.byteCount)
        if format != nil { return try decode(bytes, take) }
        // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
        bytes.withUnsafeBytes { first.append(contentsOf: $0) }
        if first.count >= CompressionFormat.magicLength { try begin(take) }
    }

    /// Says that there are no more bytes.
    /// - Throws: ``LayersError``; what `take` throws.
    public func finish(_ take: (RawSpan) throws -> Void) throws {
        if format == nil { try begin(take) }
        try decoder?.finish { bytes in try hand(bytes, take) }
    }

    private func begin(_ take: (RawSpan) throws -> Void) throws {
        let format = CompressionFormat.detect(first)
        self.format = format
        switch format {
        case .plain: decoder = nil
        case .gzip: decoder = try GzipDecoder()
        case .zstd: decoder = try ZstdDecoder()
        case .xz: decoder = try XzDecoder()
        case .bzip2: throw LayersError.unsupported(format)
        }
        let held = first
        first = []
        try decode(held.span.bytes, take)
    }

    private func decode(_ bytes: RawSpan, _ take: (RawSpan) throws -> Void) throws {
        guard let decoder else { return try hand(bytes, take) }
        // INVARIANT (raw pointer): used within the closure only, while the span keeps its bytes alive.
        try bytes.withUnsafeBytes { input in
            try decoder.decode(input) { plain in try hand(plain, take) }
        }
    }

    private func hand(_ bytes: RawSpan, _ take: (RawSpan) throws -> Void) throws {
        output += Int64(bytes.byteCount)
        guard output <= limits.total else { throw LayersError.tooLong(limit: limits.total) }
        if output > limits.harmless, output / limits.ratio > input {
            throw LayersError.bomb(format ?? .plain, input: input, output: output)
        }
        try take(bytes)
    }
}

/// Hands on the first bytes of a decoder's buffer.
func give(_ count: Int, of buffer: [UInt8], to take: (RawSpan) throws -> Void) rethrows {
    let bytes = buffer.span
    try take(bytes.bytes.extracting(0..<count))
}
