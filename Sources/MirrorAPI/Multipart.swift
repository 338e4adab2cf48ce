internal import Pulling
internal import Serving
internal import Storage

/// Several parts of a blob in one answer: `multipart/byteranges` (RFC 9110, 14.6 and 15.3.7.2).
struct Multipart: Sendable {
    private let parts: [(head: [UInt8], range: Range<Int64>)]
    private let tail: [UInt8]
    let contentType: String

    /// - Parameter boundary: what no part can be expected to hold.
    init(_ ranges: [Range<Int64>], of size: Int64, boundary: String = Self.boundary()) {
        contentType = "multipart/byteranges; boundary=\(boundary)"
        parts = ranges.enumerated().map { place, range in
            let head = """
                \(place == 0 ? "" : "\r\n")--\(boundary)\r
                Content-Type: application/octet-stream\r
                Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)\r
                \r\n
                """
            return (Array(head.utf8), range)
        }
        tail = Array("\r\n--\(boundary)--\r\n".utf8)
    }

    /// Of the whole body, in bytes.
    var length: Int64 {
        parts.reduce(Int64(tail.count)) { $0 + Int64($1.head.count) + Int64($1.range.count) }
    }

    /// Writes the body; `send` writes the bytes of one range.
    func write(to writer: any ResponseWriter, _ send: (Range<Int64>) async throws -> Void) async throws {
        for (head, range) in parts {
            try await writer.write(head)
            try await send(range)
        }
        try await writer.write(tail)
    }

    /// By chance, for whoever makes a blob must not be able to know what would end a part of it.
    private static func boundary() -> String {
        let digits = "0123456789abcdefghijklmnopqrstuvwxyz"
        return "layerd-" + String((0..<24).map { _ in digits.randomElement() ?? "0" })
    }
}
