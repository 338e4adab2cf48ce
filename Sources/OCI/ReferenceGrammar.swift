/// The grammar of references, read from left to right without ever going back: every byte is looked at a bounded number
/// of times, so hostile text costs no more than its length. As a regular expression this grammar is exponential.
///
/// Source: github.com/distribution/reference, `reference.go`, "Grammar".
enum ReferenceGrammar {
    /// A reference as written, nothing filled in.
    struct Parts: Equatable {
        var domain: String?
        var path: String
        var tag: String?
        var digest: Digest?
    }

    /// What every registry accepts as a repository's name without its domain, in bytes.
    private static let maximumPathLength = 255
    private static let maximumTagLength = 128
    /// `sha512:` and 128 digits.
    private static let maximumDigestLength = 135
    /// A DNS name has 253 bytes at most, and a port five more and a colon.
    private static let maximumDomainLength = 259
    /// No reference is longer, whatever it is made of.
    static let maximumLength = maximumDomainLength + maximumPathLength + maximumTagLength + maximumDigestLength + 3

    /// Parses `text`; messages speak of `original`, which it was made of.
    static func parse(_ text: String, of original: String) throws(OCIError) -> Parts {
        var rest = Array(text.utf8)[...]
        let malformed = OCIError.invalidReference(original, reason: "it is not name[:tag][@digest]")
        var digest: Digest?
        if let at = rest.firstIndex(of: UInt8(ascii: "@")) {
            let text = rest[(at + 1)...]
            guard isDigest(text) else { throw malformed }
            do { digest = try Digest(parsing: string(text)) } catch {
                throw .invalidReference(original, reason: "its digest is no SHA-256 or SHA-512 in lower-case hex")
            }
            rest = rest[..<at]
        }
        let lastComponent = rest.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? rest.startIndex
        var tag: String?
        if let colon = rest[lastComponent...].firstIndex(of: UInt8(ascii: ":")) {
            guard isTag(rest[(colon + 1)...]) else { throw malformed }
            tag = string(rest[(colon + 1)...])
            rest = rest[..<colon]
        }
        guard let (domain, path) = name(rest) else { throw malformed }
        try checkLength(path, maximumPathLength, "repository name", of: original)
        try checkLength(domain ?? "", maximumDomainLength, "registry", of: original)
        return Parts(domain: domain, path: path, tag: tag, digest: digest)
    }

    private static func checkLength(
        _ text: String, _ limit: Int, _ what: String, of original: String
    ) throws(OCIError) {
        guard text.utf8.count <= limit else {
            throw .invalidReference(original, reason: "\(what) must not be more than \(limit) characters")
        }
    }

    /// Domain and path of a name; a first component is the domain whenever it can be one.
    static func name(_ name: ArraySlice<UInt8>) -> (domain: String?, path: String)? {
        if let slash = name.firstIndex(of: UInt8(ascii: "/")), isDomain(name[..<slash]), isPath(name[(slash + 1)...]) {
            return (string(name[..<slash]), string(name[(slash + 1)...]))
        }
        return isPath(name) ? (nil, string(name)) : nil
    }

    /// Components of `[a-z0-9]+`, joined within by one `.`, one or two `_` or any number of `-`, and by `/` between
    /// them.
    static func isPath(_ path: ArraySlice<UInt8>) -> Bool {
        var separator: ArraySlice<UInt8> = path.prefix(0)
        var afterAlphanumeric = false
        for index in path.indices {
            let byte = path[index]
            if isLowerAlphanumeric(byte) {
                guard separator.isEmpty || isSeparator(separator) else { return false }
                separator = path[(index + 1)..<(index + 1)]
                afterAlphanumeric = true
            } else if byte == UInt8(ascii: "/") {
                guard afterAlphanumeric, separator.isEmpty else { return false }
                separator = path[(index + 1)..<(index + 1)]
                afterAlphanumeric = false
            } else {
                guard afterAlphanumeric else { return false }
                separator = path[separator.startIndex...index]
            }
        }
        return afterAlphanumeric && separator.isEmpty
    }

    private static func isSeparator(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, bytes.allSatisfy({ $0 == first }) else { return false }
        switch first {
        case UInt8(ascii: "."): return bytes.count == 1
        case UInt8(ascii: "_"): return bytes.count <= 2
        default: return first == UInt8(ascii: "-")
        }
    }

    /// Labels of letters, digits and inner hyphens, or an IPv6 address in brackets; then a port or none.
    static func isDomain(_ domain: ArraySlice<UInt8>) -> Bool {
        if domain.first == UInt8(ascii: "[") {
            guard let bracket = domain.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = domain[(domain.startIndex + 1)..<bracket]
            return !address.isEmpty && address.allSatisfy { isHexDigit($0) || $0 == UInt8(ascii: ":") }
                && isPort(domain[(bracket + 1)...])
        }
        let host = domain.prefix { $0 != UInt8(ascii: ":") }
        return isHostName(host) && isPort(domain[host.endIndex...])
    }

    private static func isHostName(_ host: ArraySlice<UInt8>) -> Bool {
        var before = UInt8(ascii: ".")
        for byte in host {
            let isInner = byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
            guard isAlphanumeric(byte) || isInner else { return false }
            if byte == UInt8(ascii: "."), !isAlphanumeric(before) { return false }
            if byte == UInt8(ascii: "-"), before == UInt8(ascii: ".") { return false }
            before = byte
        }
        return isAlphanumeric(before)
    }

    private static func isPort(_ port: ArraySlice<UInt8>) -> Bool {
        port.isEmpty || port.first == UInt8(ascii: ":") && port.count > 1 && port.dropFirst().allSatisfy(isDigit)
    }

    static func isTag(_ tag: ArraySlice<UInt8>) -> Bool {
        guard 1...maximumTagLength ~= tag.count, let first = tag.first,
            isAlphanumeric(first) || first == UInt8(ascii: "_")
        else {
            return false
        }
        return tag.allSatisfy { isAlphanumeric($0) || "_.-".utf8.contains($0) }
    }

    /// Algorithm components joined by one of `+._-`, a colon, and 32 or more hex digits of either case.
    static func isDigest(_ digest: ArraySlice<UInt8>) -> Bool {
        guard let colon = digest.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let hex = digest[(colon + 1)...]
        guard hex.count >= 32, hex.allSatisfy(isHexDigit) else { return false }
        var beginsComponent = true
        for byte in digest[..<colon] {
            if beginsComponent {
                guard isAlphanumeric(byte), !isDigit(byte) else { return false }
                beginsComponent = false
            } else if "+._-".utf8.contains(byte) {
                beginsComponent = true
            } else {
                guard isAlphanumeric(byte) else { return false }
            }
        }
        return !beginsComponent
    }

    /// 64 lower-case hex digits: an image ID, and no name.
    static func isIdentifier(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { isDigit($0) || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 }
    }

    private static func string(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}

private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

private func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
}

private func isAlphanumeric(_ byte: UInt8) -> Bool {
    isLowerAlphanumeric(byte) || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
}

private func isHexDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte
}
