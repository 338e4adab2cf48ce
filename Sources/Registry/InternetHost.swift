internal import Glibc
internal import Transport

/// What a URL's host says about where it leads, before anything is connected. Names may lead anywhere; addresses are
/// read as the C library reads them, with all its short and octal forms.
enum InternetHost: Equatable {
    case name
    case address(AddressKind)

    /// - Parameter host: lower case, IPv6 in brackets.
    init(_ host: String) {
        if let bytes = InternetHost.version6(host) {
            self = .address(AddressKind(version6: bytes))
        } else if let bytes = InternetHost.version4(host) {
            self = .address(AddressKind(version4: bytes))
        } else {
            let name = InternetHost.withoutFinalDot(host)
            self = name == "localhost" || name.hasSuffix(".localhost") ? .address(.loopback) : .name
        }
    }

    /// Leads to this machine or its own networks.
    var isInside: Bool {
        guard case .address(let kind) = self else { return false }
        return kind.isInside
    }

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
}

private func isLetter(_ byte: UInt8) -> Bool {
    UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
}
