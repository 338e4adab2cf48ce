extension Platform {
    /// Parses a specifier: an operating system, an architecture, or both with an optional variant. What it leaves out
    /// is taken from `host`; names of architectures are normalised, and the variant is kept where it was written.
    /// - Throws: ``OCIError/invalidPlatform(_:reason:)``, also for a wildcard, which names no platform to pull.
    public init(parsing specifier: String, host: Platform = .host) throws(OCIError) {
        guard !specifier.utf8.contains(UInt8(ascii: "*")) else {
            throw .invalidPlatform(specifier, reason: "wildcards not yet supported: invalid argument")
        }
        let parts = specifier.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        let system = try SystemComponent(parsing: parts[0], of: specifier)
        for part in parts.dropFirst() where part.isEmpty || !part.utf8.allSatisfy(Platform.isComponentByte) {
            throw .invalidPlatform(specifier, reason: "\(quoted(part)) is an invalid component: invalid argument")
        }
        self.init(os: system.name, architecture: "", osVersion: system.version, osFeatures: system.features)
        switch parts.count {
        case 1: try complete(single: parts[0], specifier, host: host)
        case 2:
            (architecture, variant) = Platform.normalized(architecture: parts[1], variant: nil)
            dropImpliedVariant()
        case 3:
            (architecture, variant) = Platform.normalized(architecture: parts[1], variant: parts[2])
            if architecture == "arm64", variant == nil { variant = "v8" }
        default: throw .invalidPlatform(specifier, reason: "cannot parse platform specifier: invalid argument")
        }
    }

    /// One word is an operating system if it is known as one, else an architecture.
    private mutating func complete(single word: String, _ specifier: String, host: Platform) throws(OCIError) {
        if knownSystems.contains(os) {
            architecture = host.architecture
            variant = host.variant
            dropImpliedVariant()
            return
        }
        (architecture, variant) = Platform.normalized(architecture: word, variant: nil)
        dropImpliedVariant()
        guard knownArchitectures.contains(architecture) else {
            throw .invalidPlatform(specifier, reason: "unknown operating system or architecture: invalid argument")
        }
        os = host.os
    }

    private mutating func dropImpliedVariant() {
        if architecture == "arm", variant == "v7" { variant = nil }
    }

    static func isComponentByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// The first component: `name`, `name(version)`, `name(version+feature…)`, `name(+feature…)`.
private struct SystemComponent {
    let name: String
    let version: String?
    let features: [String]

    init(parsing text: String, of specifier: String) throws(OCIError) {
        let invalid = OCIError.invalidPlatform(
            specifier, reason: "\(quoted(text)) is an invalid operating system: invalid argument")
        let name = text.prefix { $0 != "(" }
        guard !name.isEmpty, name.utf8.allSatisfy({ Platform.isComponentByte($0) && $0 != UInt8(ascii: ".") }) else {
            throw invalid
        }
        self.name = Platform.normalized(os: String(name))
        guard name.endIndex < text.endIndex else {
            version = nil
            features = []
            return
        }
        guard text.last == ")" else { throw invalid }
        let options = text[name.endIndex...].dropFirst().dropLast()
            .split(separator: "+", omittingEmptySubsequences: false)
        var decoded: [String] = []
        for (index, option) in options.enumerated() {
            guard option.utf8.allSatisfy({ Platform.isComponentByte($0) || $0 == UInt8(ascii: "%") }),
                index == 0 || !option.isEmpty, let option = percentDecoded(option)
            else { throw invalid }
            decoded.append(option)
        }
        version = decoded[0].isEmpty ? nil : decoded[0]
        features = Array(decoded.dropFirst())
    }
}

private func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }),
            let low = rest.popFirst().flatMap({ Character(Unicode.Scalar($0)).hexDigitValue })
        else { return nil }
        bytes.append(UInt8(high << 4 | low))
    }
    return String(validating: bytes, as: UTF8.self)
}

/// Go's lists of systems and architectures, which decide how a single word is read.
private let knownSystems: Set<String> = [
    "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd",
    "openbsd", "plan9", "solaris", "windows", "zos",
]
private let knownArchitectures: Set<String> = [
    "386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "ppc64", "ppc64le", "loong64", "mips", "mipsle",
    "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc", "riscv", "riscv64", "s390", "s390x", "sparc", "sparc64",
    "wasm",
]
