/// Which platforms satisfy one wanted platform, and which of them is best: containerd's order, so that layerd warms the
/// very manifest that the engine will ask for.
public struct PlatformMatcher: Sendable {
    private let wanted: Platform
    /// Architecture and variant, best first.
    private let accepted: [(architecture: String, variant: String?)]

    /// - Parameter strict: no older variant and no other architecture, not even one that the wanted one can run.
    public init(_ wanted: Platform, strict: Bool = false) {
        self.wanted = wanted.normalized
        let exact = (self.wanted.architecture, self.wanted.variant)
        accepted = strict ? [exact] : [exact] + fallbacks(from: self.wanted)
    }

    /// The candidate's place in the order of preference: 0 is best, `nil` does not run at all.
    public func rank(_ candidate: Platform) -> Int? {
        let candidate = demands(of: candidate)
        guard acceptsSystem(of: candidate),
            let place = accepted.firstIndex(where: {
                $0.architecture == candidate.architecture && $0.variant == candidate.variant
            })
        else { return nil }
        let unused = wanted.osFeatures.count - candidate.osFeatures.count
        let rank = place * (wanted.osFeatures.count + 1) + unused
        return wanted.os == "windows" ? rank * (WindowsVersion.newestBuild + 1) + buildsBehind(candidate) : rank
    }

    /// Of the Windows builds that run here, the newest is best.
    private func buildsBehind(_ candidate: Platform) -> Int {
        let newest = wanted.osVersion.flatMap(WindowsVersion.init).map { Int($0.build) } ?? WindowsVersion.newestBuild
        let build = candidate.osVersion.flatMap(WindowsVersion.init).map { Int($0.build) } ?? 0
        return max(0, newest - build)
    }

    /// Operating system, its version and its features: everything but the processor.
    func acceptsSystem(of candidate: Platform) -> Bool {
        let candidate = demands(of: candidate)
        guard candidate.os == wanted.os, Set(candidate.osFeatures).isSubset(of: wanted.osFeatures) else { return false }
        guard wanted.os == "windows", let host = wanted.osVersion.flatMap(WindowsVersion.init),
            let version = candidate.osVersion, !version.isEmpty
        else { return true }
        return host.runs(WindowsVersion(version))
    }

    /// `win32k` was in images before matchers looked at features, and says nothing today.
    private func demands(of candidate: Platform) -> Platform {
        var candidate = candidate.normalized
        if wanted.os == "windows" { candidate.osFeatures.removeAll { $0 == "win32k" } }
        return candidate
    }
}

private func fallbacks(from wanted: Platform) -> [(architecture: String, variant: String?)] {
    switch wanted.architecture {
    case "amd64":
        let older = versions(below: wanted.variant, downTo: 1)
        return older.map { Platform.normalized(architecture: "amd64", variant: "v\($0)") } + [("386", nil)]
    case "arm":
        return versions(below: wanted.variant, downTo: 5).map { ("arm", "v\($0)") }
    case "arm64":
        guard let older = arm64Fallbacks(from: wanted.variant ?? "v8") else { return [] }
        return older.map { Platform.normalized(architecture: "arm64", variant: $0) }
            + (5...8).reversed().map { ("arm", "v\($0)") }
    default:
        return []
    }
}

/// The versions under `variant`, descending. Longer numbers than any processor has are compared exactly and not counted
/// down: a wanted variant comes from outside.
private func versions(below variant: String?, downTo oldest: Int) -> [Int] {
    guard let variant, variant.utf8.count <= 3, variant.hasPrefix("v"), let version = Int(variant.dropFirst()),
        version > oldest
    else { return [] }
    return (oldest..<version).reversed()
}

/// ARMv9.n contains ARMv8.(n+5), up to the last 8.x there is. `nil` for a variant not known.
private func arm64Fallbacks(from variant: String) -> [String]? {
    let numbers = variant.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
    guard variant.hasPrefix("v"), 1...2 ~= numbers.count, let major = Int(numbers[0]),
        let minor = numbers.count == 1 ? 0 : Int(numbers[1])
    else { return nil }
    let newestEight = 9
    let newestNine = 7
    let eights = { (minor: Int) in (0...minor).reversed().map { $0 == 0 ? "v8" : "v8.\($0)" } }
    switch major {
    case 8 where 0...newestEight ~= minor:
        return Array(eights(minor).dropFirst())
    case 9 where 0...newestNine ~= minor:
        let nines = (0...minor).reversed().map { $0 == 0 ? "v9" : "v9.\($0)" }
        return nines.dropFirst() + eights(min(minor + 5, newestEight))
    default: return nil
    }
}

/// Major, minor and build of a Windows release; a container's must suit the host's.
private struct WindowsVersion {
    static let newestBuild = Int(UInt16.max)
    let major, minor: UInt8
    let build: UInt16

    init?(_ text: String) {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count >= 3, let major = UInt8(numbers[0]), let minor = UInt8(numbers[1]),
            let build = UInt16(numbers[2])
        else { return nil }
        self.major = major
        self.minor = minor
        self.build = build
    }

    /// Since Windows Server 2022 a host runs containers from the long-term release before it up to its own build; an
    /// older host runs its own build only.
    func runs(_ container: WindowsVersion?) -> Bool {
        let server2022: UInt16 = 20348
        let server2025: UInt16 = 26100
        guard let container, container.major == major, container.minor == minor else { return false }
        guard build >= server2022 else { return container.build == build }
        let oldest = build > server2025 ? server2025 : server2022
        return oldest <= container.build && container.build <= build
    }
}
