internal import NIOCore

/// Takes a body's bytes out of its framing (RFC 9112, 6 and 7). Chunk extensions and trailers are read over, within
/// bounds.
struct BodyDecoder {
    private enum State: Equatable {
        /// Bytes of data left, of the whole body or of a chunk.
        case data(Int64)
        case chunkSize, chunkEnd, trailer
        case done
    }

    /// A chunk's size line or a trailer field is a few bytes; this many make it an attack.
    static let maximumLine = 4096
    /// Trailers are dropped unread; nobody of ours sends any.
    static let maximumTrailers = 64

    private let chunked: Bool
    private var state: State
    private var trailers = 0

    init(_ framing: BodyFraming) {
        chunked = framing == .chunked
        switch framing {
        case .none: state = .done
        case .length(let length): state = length == 0 ? .done : .data(length)
        case .chunked: state = .chunkSize
        }
    }

    var isDone: Bool { state == .done }

    /// Bytes still to come; nil when only the client knows.
    var remaining: Int64? {
        switch state {
        case .done: 0
        case .data(let left) where !chunked: left
        default: nil
        }
    }

    /// The next bytes of the body, taken off `buffer`; nil when more is needed or the body is done.
    mutating func decode(_ buffer: inout ByteBuffer) throws(Refusal) -> ByteBuffer? {
        while true {
            switch state {
            case .done: return nil
            case .data(let left):
                let count = Int(min(left, Int64(buffer.readableBytes)))
                guard count > 0, let slice = buffer.readSlice(length: count) else { return nil }
                let rest = left - Int64(count)
                state = rest > 0 ? .data(rest) : chunked ? .chunkEnd : .done
                return slice
            case .chunkSize:
                guard let line = try line(&buffer) else { return nil }
                let size = try BodyDecoder.size(line)
                state = size == 0 ? .trailer : .data(size)
            case .chunkEnd:
                guard let line = try line(&buffer) else { return nil }
                guard line.readableBytes == 0 else { throw Refusal(400, "a chunk is longer than its size") }
                state = .chunkSize
            case .trailer:
                guard let line = try line(&buffer) else { return nil }
                if line.readableBytes == 0 { state = .done }
                trailers += 1
                guard trailers <= BodyDecoder.maximumTrailers else { throw Refusal(400, "too many trailers") }
            }
        }
    }

    /// The next line, without its end; nil when it has not all come.
    private func line(_ buffer: inout ByteBuffer) throws(Refusal) -> ByteBuffer? {
        let view = buffer.readableBytesView.prefix(BodyDecoder.maximumLine)
        guard let end = view.firstIndex(of: UInt8(ascii: "\n")) else {
            guard view.count < BodyDecoder.maximumLine else {
                throw Refusal(400, "a line of a chunked body is too long")
            }
            return nil
        }
        let length = end - view.startIndex
        guard length > 0, view[end - 1] == UInt8(ascii: "\r"), let line = buffer.readSlice(length: length - 1) else {
            throw Refusal(400, "a line of a chunked body does not end in CR LF")
        }
        buffer.moveReaderIndex(forwardBy: 2)
        return line
    }

    private static func size(_ line: ByteBuffer) throws(Refusal) -> Int64 {
        guard line.readableBytesView.allSatisfy({ $0 >= UInt8(ascii: " ") && $0 != 0x7f || $0 == UInt8(ascii: "\t") })
        else {
            throw Refusal(400, "a control character in a chunk's size")
        }
        var size: Int64 = 0
        var digits = 0
        for byte in line.readableBytesView {
            guard let value = hexValue(byte) else {
                guard digits > 0, byte == UInt8(ascii: ";") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
                else { throw Refusal(400, "not a chunk size") }
                break
            }
            // 15 digits are less than Int64 holds.
            guard digits < 15 else { throw Refusal(400, "a chunk of more than an exabyte") }
            size = size << 4 | Int64(value)
            digits += 1
        }
        guard digits > 0 else { throw Refusal(400, "not a chunk size") }
        return size
    }
}
