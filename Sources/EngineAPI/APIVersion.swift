/// A version of the Engine API, as in the path `/v1.50/…`.
struct APIVersion: Sendable, Comparable, CustomStringConvertible {
    private let parts: [Int]
    let description: String

    static let newest = APIVersion.v1(50)
    static let oldest = APIVersion.v1(24)

    static func v1(_ minor: Int) -> APIVersion { APIVersion(digits: "1.\(minor)") }

    /// - Parameter digits: digits and dots. A part that is too great for a number counts as the greatest one.
    init(digits: String) {
        description = digits
        parts = digits.split(separator: ".").map { Int($0) ?? .max }
    }

    static func == (left: APIVersion, right: APIVersion) -> Bool { !(left < right) && !(right < left) }

    static func < (left: APIVersion, right: APIVersion) -> Bool {
        for index in 0..<max(left.parts.count, right.parts.count) {
            let (mine, other) = (left.part(index), right.part(index))
            if mine != other { return mine < other }
        }
        return false
    }

    private func part(_ index: Int) -> Int { index < parts.count ? parts[index] : 0 }

    /// Divides `/v1.50/info` into the version and `/info`. A path without a version is returned as it is.
    static func split(_ path: String) -> (version: APIVersion?, rest: String) {
        guard path.hasPrefix("/v") else { return (nil, path) }
        let digits = path.dropFirst(2).prefix { $0 == "." || ("0"..."9").contains($0) }
        let rest = path[digits.endIndex...]
        guard !digits.isEmpty, rest.hasPrefix("/") else { return (nil, path) }
        return (APIVersion(digits: String(digits)), String(rest))
    }

    /// - Throws: ``EngineError`` for a version that this server does not speak.
    func checkSpoken() throws(EngineError) {
        if self < .oldest { throw .clientTooOld(description) }
        if self > .newest { throw .clientTooNew(description) }
    }
}
