internal import CLzma

/// Decodes xz, one stream after another, in bounded memory.
///
/// Source: The .xz File Format 1.0.4 §2.
final class XzDecoder: ByteDecoder {
    /// What `xz -9` needs is 65 MiB; the window of the longest zstd frame we take is 128.
    private static let memory: UInt64 = 128 << 20
    /// LZMA_CONCATENATED, a macro that Swift does not see.
    private static let concatenated: UInt32 = 0x08

    // INVARIANT: liblzma keeps state behind this address, so it is allocated once, and freed by deinit alone.
    private let stream: UnsafeMutablePointer<lzma_stream>
    private var buffer = [UInt8](repeating: 0, count: Inflater.bufferSize)
    private var isDone = false

    init() throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: lzma_stream())
        guard lzma_stream_decoder(stream, Self.memory, Self.concatenated) == LZMA_OK else {
            throw LayersError.noDecoder(.xz)
        }
    }

    deinit {
        lzma_end(stream)
        stream.deallocate()
    }

    func decode(_ input: UnsafeRawBufferPointer, _ take: (RawSpan) throws -> Void) throws {
        // INVARIANT: liblzma reads from this address within `lzma_code` only.
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = input.count
        try drain(LZMA_RUN, take)
    }

    func finish(_ take: (RawSpan) throws -> Void) throws {
        stream.pointee.next_in = nil
        stream.pointee.avail_in = 0
        try drain(LZMA_FINISH, take)
        guard isDone else { throw LayersError.cutShort(.xz) }
    }

    private func drain(_ action: lzma_action, _ take: (RawSpan) throws -> Void) throws {
        var made = 0
        repeat {
            let code = buffer.withUnsafeMutableBufferPointer { room in
                // INVARIANT: liblzma writes to `room` within `lzma_code` only; next_out is set anew before every call.
                stream.pointee.next_out = room.baseAddress
                stream.pointee.avail_out = room.count
                let code = lzma_code(stream, action)
                made = room.count - stream.pointee.avail_out
                return code
            }
            if made > 0 { try give(made, of: buffer, to: take) }
            switch code {
            case LZMA_OK: break
            case LZMA_STREAM_END: isDone = true
            case LZMA_BUF_ERROR: return
            case LZMA_MEMLIMIT_ERROR: throw LayersError.corrupt(.xz, reason: "its dictionary is too large")
            case LZMA_MEM_ERROR: throw LayersError.noDecoder(.xz)
            default: throw LayersError.corrupt(.xz, reason: "liblzma error \(code.rawValue)")
            }
        } while !isDone && (stream.pointee.avail_in > 0 || made == buffer.count)
    }
}
