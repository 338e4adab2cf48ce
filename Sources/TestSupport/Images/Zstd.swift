internal import CZstd

/// Compresses into one zstd frame with a checksum.
final class ZstdFilter: ByteFilter {
    /// 128 KiB: generated noise repeats itself farther apart than that, and so stays incompressible.
    private static let windowLog: Int32 = 17

    // INVARIANT: made by init and freed by deinit alone.
    private let context: OpaquePointer

    init(level: Int32) throws {
        guard let context = ZSTD_createCCtx() else { throw StandInError.compression("zstd", code: 0) }
        self.context = context
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level))
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, Self.windowLog))
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
    }

    deinit { ZSTD_freeCCtx(context) }

    func write(_ bytes: [UInt8]) throws -> [UInt8] { try run(bytes, ZSTD_e_continue) }
    func finish() throws -> [UInt8] { try run([], ZSTD_e_end) }

    private func run(_ bytes: [UInt8], _ directive: ZSTD_EndDirective) throws -> [UInt8] {
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: ZSTD_CStreamOutSize())
        try bytes.withUnsafeBytes { source in
            var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            while true {
                let (left, made) = buffer.withUnsafeMutableBytes { room in
                    var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                    return (ZSTD_compressStream2(context, &target, &input, directive), target.pos)
                }
                try check(left)
                output += buffer[..<made]
                if directive == ZSTD_e_end ? left == 0 : input.pos == input.size { return }
            }
        }
        return output
    }
}

func decompressZstd(_ bytes: [UInt8]) throws -> [UInt8] {
    guard let context = ZSTD_createDCtx() else { throw StandInError.compression("zstd", code: 0) }
    defer { ZSTD_freeDCtx(context) }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
    try bytes.withUnsafeBytes { source in
        var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
        var left = 1
        var made = 0
        repeat {
            (left, made) = buffer.withUnsafeMutableBytes { room in
                var target = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                return (ZSTD_decompressStream(context, &target, &input), target.pos)
            }
            try check(left)
            output += buffer[..<made]
        } while input.pos < input.size || made == buffer.count
        // What is left to decode is 0 at the end of a frame only.
        if left != 0 { throw StandInError.compression("zstd", code: left) }
    }
    return output
}

private func check(_ code: Int) throws {
    if ZSTD_isError(code) != 0 { throw StandInError.compression("zstd", code: code) }
}
