internal import OCI
internal import Serving

/// Keeps out what is no container engine of this machine: a page in a browser can send requests to the loopback, under
/// its own name (by DNS rebinding) or as a request across sites.
struct Gate: Sendable {
    private let hosts: Set<String>

    init(hosts: [String]) { self.hosts = Set(hosts.map { $0.lowercased() }) }

    /// - Throws: ``MirrorError/foreign(_:)``.
    func check(_ request: ServerRequest) throws {
        if let host = request.headers.first("Host"), !isOwn(host) {
            throw MirrorError.foreign(
                "the mirror is not known as \(host): use its address, or name the host in [mirror] hosts")
        }
        guard request.headers.first("Origin") == nil else {
            throw MirrorError.foreign("the mirror does not answer pages of other sites")
        }
        let site = request.headers.first("Sec-Fetch-Site") ?? "none"
        guard site == "none" || site == "same-origin" else {
            throw MirrorError.foreign("the mirror does not answer pages of other sites")
        }
    }

    /// An address cannot be rebound; of names, only those of this machine and of the configuration are ours.
    private func isOwn(_ host: String) -> Bool {
        let name = Self.name(of: host.lowercased())
        return name == "localhost" || name.hasSuffix(".localhost") || Self.isAddress(name) || hosts.contains(name)
    }

    /// Without the port.
    private static func name(of host: String) -> String {
        if host.hasPrefix("[") { return String(host.prefix { $0 != "]" }) + "]" }
        return String(host.prefix { $0 != ":" })
    }

    private static func isAddress(_ name: String) -> Bool {
        if name.hasPrefix("[") {
            let inner = name.dropFirst().dropLast()
            return !inner.isEmpty && inner.utf8.allSatisfy { hexOrColon($0) }
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func hexOrColon(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: ":"),
            UInt8(ascii: "."):
            true
        default: false
        }
    }
}
