internal import Glibc

/// What a URL's host says about where it leads, before anything is connected. Names may lead anywhere; addresses are
/// read as the C library reads them, with all its short and octal forms.
enum InternetHost: Equatable {
    case name
    case loopback
    /// Of private networks, behind carrier NAT, or unique local.
    case privateNetwork
    /// Where cloud machines find their credentials.
    case linkLocal
    /// An address nobody serves at: multicast, reserved.
    case unusable
    case publicAddress

    /// - Parameter host: lower case, IPv6 in brackets.
    init(_ host: String) {
        if let bytes = InternetHost.version6(host) {
            self = InternetHost.kind(version6: bytes)
        } else if let bytes = InternetHost.version4(host) {
            self = InternetHost.kind(version4: bytes)
        } else {
            let name = InternetHost.withoutFinalDot(host)
            self = name == "localhost" || name.hasSuffix(".localhost") ? .loopback : .name
        }
    }

    /// Leads to this machine or its own networks.
    var isInside: Bool { self == .loopback || self == .privateNetwork }

    /// Whether a host is an address written out: it has no domain, and so no owner to share one with.
    static func isLiteral(_ host: String) -> Bool { version6(host) != nil || version4(host) != nil }

    /// A DNS name of letters, digits, `-`, `_` and dots, an IPv4 address, or an IPv6 address in brackets.
    static func isWellFormed(_ host: String) -> Bool {
        if host.hasPrefix("[") { return version6(host) != nil }
        return 1...253 ~= host.utf8.count && !host.hasPrefix(".")
            && host.utf8.allSatisfy { isDigit($0) || isLetter($0) || "-_.".utf8.contains($0) }
    }

    static func withoutFinalDot(_ host: String) -> String { host.hasSuffix(".") ? String(host.dropLast()) : host }

    private static func version4(_ host: String) -> [UInt8]? {
        var address = in_addr()
        guard inet_aton(withoutFinalDot(host), &address) == 1 else { return nil }
        let value = UInt32(bigEndian: address.s_addr)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func version6(_ host: String) -> [UInt8]? {
        guard host.hasPrefix("["), host.hasSuffix("]") else { return nil }
        var address = in6_addr()
        guard inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &address) == 1 else { return nil }
        // INVARIANT: the bytes are copied while the pointer is valid.
        return withUnsafeBytes(of: address) { Array($0) }
    }

    private static func kind(version4 address: [UInt8]) -> InternetHost {
        switch (address[0], address[1]) {
        case (127, _), (0, _): .loopback
        case (10, _), (172, 16...31), (192, 168), (100, 64...127), (198, 18...19): .privateNetwork
        case (169, 254): .linkLocal
        case (224..., _): .unusable
        default: .publicAddress
        }
    }

    /// Addresses that carry an IPv4 address (mapped, compatible, NAT64, 6to4) lead where that one leads.
    private static func kind(version6 address: [UInt8]) -> InternetHost {
        let head = Array(address[..<12])
        let zeros = [UInt8](repeating: 0, count: 10)
        if address[..<15].allSatisfy({ $0 == 0 }), address[15] <= 1 { return .loopback }
        if head == zeros + [0xFF, 0xFF] || head == zeros + [0, 0] || head == [0, 0x64, 0xFF, 0x9B] + zeros.prefix(8) {
            return kind(version4: Array(address[12...]))
        }
        switch (address[0], address[1]) {
        case (0x20, 0x02): return kind(version4: Array(address[2..<6]))
        case (0xFE, 0x80...0xBF): return .linkLocal
        case (0xFC...0xFD, _), (0xFE, 0xC0...0xFF): return .privateNetwork
        case (0xFF, _): return .unusable
        default: return .publicAddress
        }
    }
}

private func isLetter(_ byte: UInt8) -> Bool {
    UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
}
