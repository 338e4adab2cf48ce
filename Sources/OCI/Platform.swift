/// What an image runs on. Text form: `os[(version+feature…)]/architecture[/variant]`, as `linux/arm/v7`.
///
/// Source: OCI image-spec v1.1.1, `image-index.md`, "platform"; the text form is containerd's.
public struct Platform: Sendable, Hashable, CustomStringConvertible {
    /// As Go's GOOS: `linux`, `windows`.
    public var os: String
    /// As Go's GOARCH: `amd64`, `arm64`.
    public var architecture: String
    /// `v7`, `v8`; `nil` where the architecture alone says enough.
    public var variant: String?
    /// The Windows build an image needs.
    public var osVersion: String?
    /// What the image demands of its host beside the rest.
    public var osFeatures: [String]

    /// Takes the parts as they are; see ``normalized``.
    public init(
        os: String, architecture: String, variant: String? = nil, osVersion: String? = nil, osFeatures: [String] = []
    ) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
        self.osVersion = osVersion
        self.osFeatures = osFeatures
    }

    /// The machine layerd was built for; no variant.
    public static var host: Platform { Platform(os: "linux", architecture: hostArchitecture) }

    /// The form in which platforms are compared: lower case, one name for each architecture, the variant that an
    /// architecture implies made explicit (`arm` is `arm/v7`) or left out (`arm64/v8` is `arm64`), features sorted.
    public var normalized: Platform {
        var platform = self
        platform.os = Platform.normalized(os: os)
        (platform.architecture, platform.variant) = Platform.normalized(architecture: architecture, variant: variant)
        platform.osFeatures = Set(osFeatures).sorted()
        return platform
    }

    /// The text form. What a component cannot hold is percent-encoded in version and features, so it parses again.
    public var description: String {
        guard !os.isEmpty else { return "unknown" }
        let features = Set(osFeatures).filter { !$0.isEmpty }.sorted().map {
            "+" + percentEncoded($0, keeping: Self.isComponentByte)
        }.joined()
        let options = percentEncoded(osVersion ?? "", keeping: Self.isComponentByte) + features
        let system = options.isEmpty ? os : "\(os)(\(options))"
        return [system, architecture, variant ?? ""].filter { !$0.isEmpty }.joined(separator: "/")
    }

    /// What BuildKit gives to entries of an index that are no image, but attest something of one.
    public var isUnknown: Bool { os == "unknown" && architecture == "unknown" }

    static func normalized(os: String) -> String {
        let lowered = os.lowercased()
        return lowered == "macos" ? "darwin" : lowered
    }

    static func normalized(architecture: String, variant: String?) -> (architecture: String, variant: String?) {
        let variant = variant?.lowercased()
        switch (architecture.lowercased(), variant ?? "") {
        case ("i386", _): return ("386", nil)
        case ("x86_64", "v1"), ("x86-64", "v1"), ("amd64", "v1"): return ("amd64", nil)
        case ("x86_64", _), ("x86-64", _): return ("amd64", nonEmpty(variant))
        case ("aarch64", "8"), ("aarch64", "v8"), ("aarch64", "v8.0"): return ("arm64", nil)
        case ("arm64", "8"), ("arm64", "v8"), ("arm64", "v8.0"): return ("arm64", nil)
        case ("aarch64", "9"), ("aarch64", "9.0"), ("aarch64", "v9.0"): return ("arm64", "v9")
        case ("arm64", "9"), ("arm64", "9.0"), ("arm64", "v9.0"): return ("arm64", "v9")
        case ("aarch64", _): return ("arm64", nonEmpty(variant))
        case ("armhf", _), ("arm", ""), ("arm", "7"): return ("arm", "v7")
        case ("armel", _), ("arm", "6"): return ("arm", "v6")
        case ("arm", "5"): return ("arm", "v5")
        case ("arm", "8"): return ("arm", "v8")
        case (let architecture, _): return (architecture, nonEmpty(variant))
        }
    }
}

private func nonEmpty(_ text: String?) -> String? { text?.isEmpty == true ? nil : text }

#if arch(x86_64)
    private let hostArchitecture = "amd64"
#elseif arch(arm64)
    private let hostArchitecture = "arm64"
#elseif arch(i386)
    private let hostArchitecture = "386"
#elseif arch(arm)
    private let hostArchitecture = "arm"
#elseif arch(powerpc64le)
    private let hostArchitecture = "ppc64le"
#elseif arch(s390x)
    private let hostArchitecture = "s390x"
#elseif arch(riscv64)
    private let hostArchitecture = "riscv64"
#else
    #error("name this architecture as Go does")
#endif
