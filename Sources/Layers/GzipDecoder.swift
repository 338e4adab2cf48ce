internal import CZlib

/// Decodes gzip, one member after another; checksums and lengths are zlib's to check.
///
/// Source: RFC 1952 §2.2.
final class GzipDecoder: ByteDecoder {
    /// 15 bits of window, and 16 that ask zlib for gzip's header and trailer instead of its own.
    private static let window: Int32 = 15 + 16

    // INVARIANT: zlib keeps this address in its state, so it is allocated once, and freed by deinit alone.
    private let stream: UnsafeMutablePointer<z_stream>
    private var buffer = [UInt8](repeating: 0, count: Inflater.bufferSize)
    /// A member has ended and no byte has come after it.
    private var isBetween = false

    init() throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = inflateInit2_(stream, Self.window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw LayersError.noDecoder(.gzip) }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func decode(_ input: UnsafeRawBufferPointer, _ take: (RawSpan) throws -> Void) throws {
        // INVARIANT: zlib reads from this address within `inflate` only, and never writes to it.
        let start = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
        stream.pointee.avail_in = UInt32(input.count)
        var made = 0
        repeat {
            if isBetween, stream.pointee.avail_in > 0 {
                inflateReset(stream)
                isBetween = false
            }
            let code = step(&made)
            if made > 0 { try give(made, of: buffer, to: take) }
            switch code {
            case Z_OK, Z_BUF_ERROR: break
            case Z_STREAM_END: isBetween = true
            default: throw LayersError.corrupt(.gzip, reason: reason(code))
            }
        } while stream.pointee.avail_in > 0 || made == buffer.count
    }

    func finish(_ take: (RawSpan) throws -> Void) throws {
        guard isBetween else { throw LayersError.cutShort(.gzip) }
    }

    /// One call of zlib; a full buffer means that more may be waiting.
    private func step(_ made: inout Int) -> Int32 {
        if isBetween {
            made = 0
            return Z_OK
        }
        return buffer.withUnsafeMutableBufferPointer { room in
            // INVARIANT: zlib writes to `room` within `inflate` only; next_out is set anew before every call.
            stream.pointee.next_out = room.baseAddress
            stream.pointee.avail_out = UInt32(room.count)
            let code = inflate(stream, Z_NO_FLUSH)
            made = room.count - Int(stream.pointee.avail_out)
            return code
        }
    }

    private func reason(_ code: Int32) -> String {
        stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(code)"
    }
}
