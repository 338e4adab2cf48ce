internal import CZstd

/// Decodes Zstandard, one frame after another, with a bounded window.
///
/// Source: RFC 8878 §3.1.
final class ZstdDecoder: ByteDecoder {
    // INVARIANT: made by init and freed by deinit alone.
    private let context: OpaquePointer
    private var buffer = [UInt8](repeating: 0, count: Inflater.bufferSize)
    /// What libzstd last said is left to do; 0 at the end of a frame only.
    private var left = 1

    init() throws {
        guard let context = ZSTD_createDCtx() else { throw LayersError.noDecoder(.zstd) }
        self.context = context
        _ = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Inflater.windowLog)
    }

    deinit { ZSTD_freeDCtx(context) }

    func decode(_ input: UnsafeRawBufferPointer, _ take: (RawSpan) throws -> Void) throws {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var made = 0
        repeat {
            left = buffer.withUnsafeMutableBytes { room in
                // INVARIANT: libzstd writes to `room` within this call only.
                var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                defer { made = target.pos }
                return ZSTD_decompressStream(context, &target, &source)
            }
            guard ZSTD_isError(left) == 0 else {
                throw LayersError.corrupt(.zstd, reason: String(cString: ZSTD_getErrorName(left)))
            }
            if made > 0 { try give(made, of: buffer, to: take) }
        } while source.pos < source.size || made == buffer.count
    }

    func finish(_ take: (RawSpan) throws -> Void) throws {
        guard left == 0 else { throw LayersError.cutShort(.zstd) }
    }
}
