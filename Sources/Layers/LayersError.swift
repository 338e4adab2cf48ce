// Layers: what is inside a layer and an archive, as streams: compressed bytes to plain ones, tars taken apart and put
// together, diffIDs. Bytes are pushed in as they come and nothing is held but the piece at hand, whatever the length of
// the whole. No files, no network, no database.

public import OCI

/// What archives and layers are refused for.
public enum LayersError: Fault, Equatable {
    /// A compressed stream that cannot be decoded. Carries the format and the decoder's reason.
    case corrupt(CompressionFormat, reason: String)
    /// A compressed stream that ends before its end.
    case cutShort(CompressionFormat)
    /// A compression that layerd does not decode.
    case unsupported(CompressionFormat)
    /// More output for its input than any honest stream has. Bytes.
    case bomb(CompressionFormat, input: Int64, output: Int64)
    /// More output than allowed. Bytes.
    case tooLong(limit: Int64)
    /// A tar that breaks its format, or a rule of ours. Carries the offset of the header and the reason.
    case badTar(offset: Int64, reason: String)
    /// A tar that ends within an entry, or without its end mark. Bytes.
    case tarCutShort(length: Int64)
    /// A decoder that could not be made: no memory.
    case noDecoder(CompressionFormat)

    public var kind: FaultKind {
        switch self {
        case .corrupt, .cutShort, .bomb, .tooLong, .badTar, .tarCutShort: .integrity
        case .unsupported: .unsupported
        case .noDecoder: .unavailable(retryAfter: nil)
        }
    }

    public var description: String {
        switch self {
        case .corrupt(let format, let reason): "invalid \(format) data: \(reason)"
        case .cutShort(let format): "the \(format) data is cut short: unexpected EOF"
        case .unsupported(let format): "\(format) compression is not supported: decompress it first"
        case .bomb(let format, let input, let output):
            "\(input) bytes of \(format) data become more than \(output): that is a decompression bomb"
        case .tooLong(let limit): "the uncompressed data is longer than the \(limit) bytes allowed"
        case .badTar(let offset, let reason): "invalid tar header at byte \(offset): \(reason)"
        case .tarCutShort(let length): "the tar is cut short after \(length) bytes: unexpected EOF"
        case .noDecoder(let format): "no memory for decoding \(format)"
        }
    }
}
