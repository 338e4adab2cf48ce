/// `text` as a value in a query, a form or a path: what `isPlain` does not let through is encoded, byte by byte.
///
/// Without `isPlain`, RFC 3986's unreserved characters (2.3) stay as they are.
public func percentEncoded(_ text: String, keeping isPlain: (UInt8) -> Bool = isUnreserved) -> String {
    let hex = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case _ where isPlain(byte): bytes.append(byte)
        default: bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// Letters and digits of ASCII, and `-._~`.
public func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        true
    default: false
    }
}
