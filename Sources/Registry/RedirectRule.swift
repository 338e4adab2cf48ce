internal import Transport

/// Where a redirect may lead. A registry's answer names the place, and with it what this machine will connect to, so a
/// hostile one could have us ask cloud metadata services or the network we stand in.
enum RedirectRule {
    /// What Go's clients follow; registries need one or two.
    static let maximumCount = 10
    private static let statuses: Set<Int> = [301, 302, 303, 307, 308]

    /// Where an answer sends, if it does.
    static func location(in head: HTTPResponseHead) -> String? {
        statuses.contains(head.status) ? head.headers.first("Location") : nil
    }

    /// The place that `location` names, in an answer from `address` to a question that went to `registry` first.
    /// - Parameter mayLeave: whether it may be another site than `address`.
    /// - Throws: ``RegistryError/Reason/unsafeRedirect(_:)``.
    static func target(
        _ location: String, from address: WebAddress, registry: WebAddress, mayLeave: Bool = true
    ) throws(RegistryError.Reason) -> WebAddress {
        guard let target = address.resolving(location) else {
            throw .unsafeRedirect("to something that is no http or https URL of a plain host")
        }
        let place = target.authority
        guard mayLeave || target.origin == address.origin else { throw .unsafeRedirect("to another site, \(place)") }
        guard target.origin.isSecure || !address.origin.isSecure else {
            throw .unsafeRedirect("from https to plain http at \(place)")
        }
        if target.origin.host == registry.origin.host { return target }
        switch InternetHost(target.origin.host) {
        case .address(.linkLocal), .address(.unusable):
            throw .unsafeRedirect("to \(place), an address that no registry serves from")
        case .address(.loopback), .address(.privateNetwork):
            guard InternetHost(registry.origin.host).isInside else {
                throw .unsafeRedirect("to \(place), an address inside this machine's own network")
            }
        case .name, .address(.publicAddress): break
        }
        return target
    }
}
