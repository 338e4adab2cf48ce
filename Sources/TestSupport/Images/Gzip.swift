internal import CZlib

/// 15 bits of window, and 16 that ask zlib for gzip's header and trailer instead of its own.
private let gzipWindow: Int32 = 15 + 16
private let piece = 64 << 10

/// Compresses into one gzip member. The header holds no time and no name, so equal input gives equal output.
final class GzipFilter: ByteFilter {
    // INVARIANT: zlib keeps this address in its state, so it is allocated once, and freed by deinit alone.
    private let stream: UnsafeMutablePointer<z_stream>

    init(level: Int32) throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let size = Int32(MemoryLayout<z_stream>.size)
        let code = deflateInit2_(stream, level, Z_DEFLATED, gzipWindow, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
        guard code == Z_OK else { throw StandInError.compression("zlib", code: Int(code)) }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func write(_ bytes: [UInt8]) throws -> [UInt8] { try run(bytes, Z_NO_FLUSH) }
    func finish() throws -> [UInt8] { try run([], Z_FINISH) }

    private func run(_ bytes: [UInt8], _ flush: Int32) throws -> [UInt8] {
        var input = bytes
        return try input.withUnsafeMutableBufferPointer { buffer in
            stream.pointee.next_in = buffer.baseAddress
            stream.pointee.avail_in = UInt32(buffer.count)
            return try drain(stream) { deflate($0, flush) }.output
        }
    }
}

/// Calls `step` until it leaves room in its output.
private func drain(
    _ stream: UnsafeMutablePointer<z_stream>, _ step: (UnsafeMutablePointer<z_stream>) -> Int32
) throws -> (output: [UInt8], code: Int32) {
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: piece)
    while true {
        let code = buffer.withUnsafeMutableBufferPointer { room in
            // INVARIANT: zlib writes to `room` within `step` only; next_out is set anew before every call.
            stream.pointee.next_out = room.baseAddress
            stream.pointee.avail_out = UInt32(room.count)
            return step(stream)
        }
        guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
            throw StandInError.compression("zlib", code: Int(code))
        }
        output += buffer[..<(piece - Int(stream.pointee.avail_out))]
        if code == Z_STREAM_END || stream.pointee.avail_out > 0 { return (output, code) }
    }
}

func inflateGzip(_ bytes: [UInt8]) throws -> [UInt8] {
    var input = bytes
    return try input.withUnsafeMutableBufferPointer { buffer in
        var output: [UInt8] = []
        var stream = z_stream()
        return try withUnsafeMutablePointer(to: &stream) { stream in
            let size = Int32(MemoryLayout<z_stream>.size)
            let code = inflateInit2_(stream, gzipWindow, ZLIB_VERSION, size)
            guard code == Z_OK else { throw StandInError.compression("zlib", code: Int(code)) }
            defer { inflateEnd(stream) }
            stream.pointee.next_in = buffer.baseAddress
            stream.pointee.avail_in = UInt32(buffer.count)
            repeat {
                let step = try drain(stream) { inflate($0, Z_NO_FLUSH) }
                output += step.output
                guard step.code == Z_STREAM_END else { throw StandInError.compression("zlib", code: Int(step.code)) }
                inflateReset(stream)
            } while stream.pointee.avail_in > 0
            return output
        }
    }
}
